"""`python -m tools.local`: starts, stops and shows the private services."""

import argparse
import os
import signal
import sys

import environ

from callcenter.environment.variables import refuse_unusable
from tools.errors import ToolError
from tools.local import ROOT, Instance, LiveKit, Service, services
from tools.local.logs import PRIVATE
from tools.local.ports import require_free


def main() -> int:
    arguments = _parser().parse_args()
    environ.Env.read_env(ROOT / ".env")
    refuse_unusable(os.environ)
    try:
        instance = Instance.from_environment()
        if arguments.action == "exec":
            _become_livekit(instance)
        return _each(arguments.action, services(instance))
    except ToolError as error:
        print(error, file=sys.stderr)
        return 1


def _each(action: str, found: list[Service]) -> int:
    if action == "status":
        for service in found:
            print(f"{service.title:<10} {'running' if service.is_running() else 'stopped'}  (log: {service.log_file})")
        return 0
    for service in found if action == "up" else reversed(found):
        if action == "up" and isinstance(service, LiveKit):
            continue  # the Procfile runs it
        service.start() if action == "up" else service.stop()
        print(f"{service.title} is {action}", flush=True)
    return 0


def _become_livekit(instance: Instance) -> None:
    """Replaces this process with the server, or waits for a signal when LIVEKIT_URL names a server elsewhere."""
    livekit = next((service for service in services(instance) if isinstance(service, LiveKit)), None)
    if livekit is None:
        print(f"LIVEKIT_URL is set to {os.environ['LIVEKIT_URL']}: no private LiveKit is started", flush=True)
        signal.pause()
        return
    for port, variable, transport in livekit.ports():
        require_free(port, variable, transport)
    livekit.prepare()
    command = livekit.command()
    os.execv(command[0], command)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.local", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("up", help="start Postgres, RabbitMQ and Redis, and wait until they answer")
    actions.add_parser("down", help="stop them; their data stays")
    actions.add_parser("status", help="say which are running")
    run = actions.add_parser("exec", help="run one in the foreground, in place of this process")
    run.add_argument("service", choices=["livekit"])
    return parser


if __name__ == "__main__":
    os.umask(PRIVATE)
    raise SystemExit(main())
