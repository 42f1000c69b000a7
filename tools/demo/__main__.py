"""`python -m tools.demo`: starts everything, places one call, shows it, and stops what it started."""

import argparse
import os
import signal
from collections.abc import Callable
from contextlib import ExitStack

from tools.demo import console
from tools.demo.errors import DemoError
from tools.demo.settings import check_settings, read_environment
from tools.demo.stack import Stack
from tools.local import ROOT, Instance, Service, ServiceError, services
from tools.local.ports import require_free

DESCRIPTION = """\
Shows one whole phone call on this machine, without accounts or API keys.

It prepares the checkout (scripts/setup), starts private PostgreSQL, RabbitMQ, Redis and LiveKit, the web process, the
workers and the simulated outside world, and then lets a synthetic caller ring the demo number: real audio through a
real LiveKit room, a webhook, a Celery task, a Pipecat pipeline that answers. You read the conversation as it happens.
Afterwards everything stays up for you to look at, until Ctrl-C.

The first run takes about five minutes, most of it for downloads and for building LiveKit; later ones take under two.
Logs are in .local/logs.
"""


def main() -> int:
    arguments = _parser().parse_args()
    # A stop from outside unwinds as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    read_environment()
    try:
        with ExitStack() as clean_up:
            return _run(once=arguments.once, clean_up=clean_up)
    except (DemoError, ServiceError) as error:
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

    from tools.demo.call import demonstrate  # loads Django, which wants the settings above

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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="end after the call; the exit code is 0 only if it completed and the caller heard every reply",
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
