"""The call center in containers, through Docker Compose."""

import json
import os
import shutil
import subprocess
import time
from typing import Any

from tools.errors import ToolError
from tools.local import ROOT
from tools.run.demo import console
from tools.run.scale.state import State, show

READY_WITHIN_S = 300.0  # images may have to start for the first time
NUMBER = "+12025550100"  # which seed_demo gives to the demo's persona


class Compose:
    """compose.yaml, or the files that COMPOSE_FILE names. The services are worker, web, simulator and others."""

    def __init__(self) -> None:
        """Raises ToolError when no engine answers."""
        os.chdir(ROOT)
        if shutil.which("docker") is None:
            raise ToolError("docker is not installed: install Docker with Compose, or leave out --compose")
        if subprocess.run(["docker", "info"], capture_output=True).returncode:
            raise ToolError("no container engine answers (docker info): start it, or leave out --compose")

    def up(self, count: int) -> bool:
        """Starts what is not running, scales to `count` workers, and waits until all works. False if it does not."""
        self._run("up", "--detach", "--no-recreate", "--scale", f"worker={count}")
        deadline = time.monotonic() + READY_WITHIN_S
        while not all(state.works for state in self.states()) and time.monotonic() < deadline:
            time.sleep(1.0)
        return self.status()

    def down(self, *, now: bool) -> bool:
        """Stops everything. Live calls are finished first, unless `now`; the volumes stay."""
        if not now:
            console.step("Workers finish their calls")
            self._run("stop", "worker")
        self._run("down", *(["--timeout", "10"] if now else []))
        console.verdict(True, "everything is stopped")
        return True

    def status(self) -> bool:
        """Prints a line for each container. True if everything works."""
        return show(self.states())

    def states(self) -> list[State]:
        """Every container; those that run once and have ended well work too."""
        done = subprocess.run(
            ["docker", "compose", "ps", "--all", "--format", "json"], capture_output=True, text=True, cwd=ROOT
        )
        if done.returncode:
            raise ToolError(f"docker compose ps failed: {done.stderr.strip()}")
        return sorted(map(_state, _documents(done.stdout)), key=lambda state: state.name)

    def test(self) -> bool:
        """Places one real call from the simulator's container, and says whether it passed."""
        if not any("simulator" in state.name for state in self.states()):
            raise ToolError("the test call comes from the simulator's container: COMPOSE_PROFILES=simulator in .env")
        caller = ("python", "-m", "simulator.caller", "--scenario", "appointment", "--to", NUMBER)
        passed = subprocess.run(["docker", "compose", "exec", "-T", "simulator", *caller], cwd=ROOT).returncode == 0
        console.verdict(passed, "the test call passed" if passed else "the test call failed")
        return passed

    def logs(self, names: list[str], *, follow: bool, lines: int) -> bool:
        """Becomes `docker compose logs` of these services, or of all."""
        options = ["--tail", str(lines), *(["--follow"] if follow else [])]
        os.execvp("docker", ["docker", "compose", "logs", *options, *names])

    def _run(self, *arguments: str) -> None:
        if subprocess.run(["docker", "compose", *arguments], cwd=ROOT).returncode:
            raise ToolError(f"docker compose {' '.join(arguments)} failed (see above)")


def _documents(text: str) -> list[dict[str, Any]]:
    """Compose writes one object a line, and before 2.21 one list."""
    if text.lstrip().startswith("["):
        found: list[dict[str, Any]] = json.loads(text)
        return found
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _state(container: dict[str, Any]) -> State:
    health = container.get("Health", "")
    runs = container["State"] == "running" and health in ("", "healthy")
    is_done = container["State"] == "exited" and container.get("ExitCode") == 0
    return State(container["Name"], runs or is_done, container.get("Status") or container["State"])
