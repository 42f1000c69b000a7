"""The call center as processes of this machine."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.errors import ToolError
from tools.local import ROOT, Instance, Prometheus, services
from tools.local.ports import require_free
from tools.run.demo import console
from tools.run.demo.settings import check_settings, read_environment
from tools.run.demo.stack import READY_WITHIN_S, Stack
from tools.run.scale import heartbeats, processes, supervisor
from tools.run.scale.lock import alone
from tools.run.scale.singles import Singles
from tools.run.scale.state import State, show, with_restarts
from tools.run.scale.workers import Workers, name_of

LATER = ("livekit", "prometheus")  # services that want others to be up, or the database to be filled
HAND_OVER_S = 45.0  # a worker needs so long beyond DRAIN_SECONDS (env.template)
STOP_WITHIN_S = 20.0  # what ends by itself ends sooner
LOCKED_FOR_S = 2.0  # the supervisor holds the lock for a moment only


class Native:
    """Private services, the Procfile's processes one by one, and as many workers as asked for."""

    def __init__(self, state_dir: Path | None = None) -> None:
        """Reads the environment and `.env`. Raises ToolError when something is missing there.

        `state_dir`, absolute, is where the services, pid files and logs are: .local unless given.
        """
        os.chdir(ROOT)
        read_environment()
        check_settings()
        self._instance = Instance.from_environment(state_dir=state_dir)
        self._services = services(self._instance)
        if Prometheus.is_installed():
            self._services.append(Prometheus(self._instance))
        self._singles = Singles(self._instance)
        self._workers = Workers(self._instance, processes.commands()["worker"])
        self._supervisor = supervisor.daemon(self._instance)
        self._drain_s = float(os.environ["DRAIN_SECONDS"])

    def up(self, count: int) -> bool:
        """Starts what is not running, scales to `count` workers, and waits until all works. False if it does not.

        Surplus workers are told to stop; they finish their calls after this has returned.
        """
        with self._alone():
            self._start_services()
            self._singles.start()
            self._scale(count)
            self._supervise()
        deadline = time.monotonic() + READY_WITHIN_S
        while not all(state.works for state in self.states()) and time.monotonic() < deadline:
            time.sleep(0.5)
        return show(self.states())

    def down(self, *, now: bool) -> bool:
        """Stops everything. Live calls are finished first, unless `now`; the data of the services stays."""
        with self._alone():
            self._supervisor.stop()
            supervisor.restarts_file(self._instance.state_dir).unlink(missing_ok=True)
            self._stop_workers(now=now)
            console.step("Stopping the other processes and the services")
            self._singles.stop(STOP_WITHIN_S)
            for service in reversed(self._services):
                service.stop()
        console.verdict(True, "everything is stopped")
        return True

    def status(self) -> bool:
        """Prints a line for each part. True if everything works."""
        return show(self.states() if self._runs_at_all() else [])

    def states(self) -> list[State]:
        """Every part, as it is now."""
        beats = heartbeats.read(heartbeats.database_url(self._instance))
        found = [
            State(service.title, service.is_running() and service.answers(), f"port {service.ports()[0][0]}")
            for service in self._services
        ]
        found = [*found, *self._singles.states(beats), *self._worker_states(beats)]
        ended = supervisor.restarts(self._instance.state_dir)
        return [*(with_restarts(state, ended.get(state.name)) for state in found), self._supervisor_state()]

    def test(self) -> bool:
        """Places one real call, tells it as it happens, and says whether it passed."""
        self._require_alive()
        self._singles.teach("persona")
        from tools.run.demo.call import demonstrate  # loads Django, which wants the settings above

        passed = demonstrate(self._require_alive)
        console.verdict(passed, "the test call passed" if passed else "the test call failed")
        return passed

    def logs(self, names: list[str], *, follow: bool, lines: int) -> bool:
        """Becomes `tail` on these logs, or on all."""
        present = sorted(file.stem for file in self._instance.log_dir.glob("*.log"))
        unknown = [name for name in names if name not in present]
        if unknown or not present:
            raise ToolError(f"no log of {', '.join(unknown) or 'anything'}: there are {', '.join(present) or 'none'}")
        files = [str(self._instance.log_dir / f"{name}.log") for name in names or present]
        os.execvp("tail", ["tail", "-n", str(lines), *(["-F"] if follow else []), *files])

    def _runs_at_all(self) -> bool:
        pids = [daemon.pid() for daemon in self._singles.daemons.values()]
        return any(pids) or bool(self._workers.serving() or self._workers.lost())

    def _start_services(self) -> None:
        missing = [service for service in self._services if not service.is_running()]
        for service in missing:
            for port, variable, transport in service.ports():
                require_free(port, variable, transport)
        self._singles.check_ports()
        if missing or not self._singles.daemons["web"].pid():
            console.step(f"Services: {', '.join(service.title for service in self._services) or 'all elsewhere'}")
            Stack(self._instance.log_dir).prepare([one for one in self._services if one.name not in LATER])
        for service in self._services:
            if service.name in LATER:
                service.start()

    def _supervise(self) -> None:
        if self._supervisor.pid() is None:
            supervisor.restarts_file(self._instance.state_dir).unlink(missing_ok=True)
            self._supervisor.start()

    def _supervisor_state(self) -> State:
        alive = self._supervisor.pid() is not None
        note = "restarts processes that exit" if alive else "not running: run scripts/scale.sh up N to restart it"
        return State("supervisor", alive, note)

    def _scale(self, count: int) -> None:
        self._workers.forget_lost()
        more = count - len(self._workers.serving())
        if more > 0:
            console.step(f"Workers: {', '.join(map(name_of, self._workers.grow(more)))} started")
        elif more < 0:
            going = ", ".join(map(name_of, self._workers.shrink(-more)))
            console.step(f"Workers: {going} draining: no new calls, exit after the current ones")

    def _stop_workers(self, *, now: bool) -> None:
        self._workers.shrink(len(self._workers.serving()))
        left = self._workers.draining()
        if left:
            within_s = STOP_WITHIN_S if now else self._drain_s + HAND_OVER_S
            console.step(f"Workers: {len(left)} finishing their calls; waiting up to {within_s:.0f} s")
            if not self._workers.wait_until_drained(within_s):
                console.verdict(False, f"{', '.join(map(name_of, self._workers.draining()))} killed")
        self._workers.kill()

    def _worker_states(self, beats: dict[str, heartbeats.Beat]) -> Iterator[State]:
        for number, worker in self._workers.serving().items():
            beat = beats.get(heartbeats.holder(worker.pid() or 0))
            note = f"{beat.busy} of {beat.slots} slots busy" if beat else f"no heartbeat (log: {worker.log_file})"
            yield State(name_of(number), beat is not None, note)
        for number, worker in self._workers.draining().items():
            beat = beats.get(heartbeats.holder(worker.pid() or 0))
            yield State(name_of(number), True, f"exits after its calls: {beat.busy} left" if beat else "exiting")
        for number, worker in self._workers.lost().items():
            yield State(name_of(number), False, f"exited: {worker.last_log_line()} (log: {worker.log_file})")

    def _require_alive(self) -> None:
        if not self._singles.daemons["web"].pid():
            raise ToolError("the web process is not running: run scripts/scale.sh up")
        if not self._workers.serving():
            raise ToolError("no worker is running: run scripts/scale.sh up 1")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One change at a time."""
        try:
            with alone(self._instance.state_dir, within_s=LOCKED_FOR_S):
                yield
        except BlockingIOError as error:
            raise ToolError("another up or down is in progress: wait until it has finished") from error
