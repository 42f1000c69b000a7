"""`python -m tools.run.demo`: starts everything, places one call, shows it, and stops what it started."""

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack

from tools.errors import ToolError
from tools.local import ROOT, Instance, Service, services
from tools.local.logs import PRIVATE
from tools.local.ports import require_free
from tools.run.demo import console
from tools.run.demo.arguments import parse
from tools.run.demo.settings import check_settings, read_environment
from tools.run.demo.stack import Stack


def main() -> int:
    arguments = parse()
    # A stop from outside unwinds as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    read_environment()
    try:
        with ExitStack() as clean_up:
            return _run(once=arguments.once, clean_up=clean_up)
    except ToolError as error:
        console.failure(str(error))
        return 1
    except KeyboardInterrupt:
        console.step("Stopped")
        return 130 if arguments.once else 0


def _run(once: bool, clean_up: ExitStack) -> int:
    os.chdir(ROOT)
    check_settings()
    instance = Instance.from_environment()
    _check_ports(services(instance))
    stack = Stack(instance.log_dir)
    _prepare([service for service in services(instance) if service.name != "livekit"], stack, clean_up)
    console.step("Web, workers, beat, Flower, LiveKit and the simulator")
    clean_up.callback(_stop, "the stack", stack.stop)
    stack.start()
    stack.wait_until_ready()

    from tools.run.demo.call import demonstrate  # loads Django, which wants the settings above

    completed = demonstrate(stack.require_alive)
    console.where_to_look()
    if once:
        return 0 if completed else 1
    console.step("Everything stays up. Ctrl-C stops it")
    stack.wait()
    return 0


def _prepare(found: list[Service], stack: Stack, clean_up: ExitStack) -> None:
    console.step(f"Services: {', '.join(service.title for service in found) or 'all elsewhere'}")
    for service in found:
        if not service.is_running():  # what already ran before us also stays when we go
            clean_up.callback(_stop, service.title, service.stop)
    stack.prepare(found)


def _stop(what: str, stop: Callable[[], None]) -> None:
    for stop_us in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop_us, signal.SIG_IGN)  # a second Ctrl-C must not leave processes behind
    console.step(f"Stopping {what}")
    stop()


def _check_ports(found: list[Service]) -> None:
    """Before anything starts: a port that is in use by another program is the most common trouble."""
    for variable in ("WEB_PORT", "FLOWER_PORT", "SIMULATOR_PORT"):
        require_free(int(os.environ[variable]), variable)
    for service in found:
        if service.name == "livekit" or not service.is_running():
            for port, variable, transport in service.ports():
                require_free(port, variable, transport)


if __name__ == "__main__":
    os.umask(PRIVATE)
    raise SystemExit(main())
