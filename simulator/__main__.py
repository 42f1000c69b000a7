"""`python -m simulator`: all simulated providers in one process."""

import argparse
import asyncio
import dataclasses
import errno
import logging
import signal
import sys
from pathlib import Path
from typing import get_args

import environ

from simulator.app import serving
from simulator.profiles import ProfileName
from simulator.scenario import ScenarioError
from simulator.world import SettingError, Settings, Speech

_ENV_FILE = Path(__file__).parents[1] / ".env"


def main() -> int:
    """Run until SIGINT or SIGTERM. Exit code 1, with one line on stderr, when it cannot start."""
    environ.Env.read_env(_ENV_FILE)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("faster_whisper").setLevel(logging.WARNING)
    try:
        settings = _settings()
        asyncio.run(_serve(settings))
    except (SettingError, ScenarioError) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        cure = "stop the other program, or choose another SIMULATOR_PORT"
        print(f"simulator: port {settings.port} is in use: {cure}", file=sys.stderr)
        return 1
    return 0


def _settings() -> Settings:
    defaults = Settings.from_environment()
    epilog = (
        "Defaults come from SIMULATOR_PORT, _SPEECH and _PROFILE. SIMULATOR_LLM_URL forwards chats to a real model."
    )
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="Speaks the protocols of Anthropic, AssemblyAI, Cartesia, Deepgram, ElevenLabs and OpenAI.",
        epilog=epilog,
    )
    host_help = "address to serve on; 0.0.0.0 in a container (%(default)s)"
    parser.add_argument("--host", default=defaults.host, help=host_help)
    parser.add_argument("--port", type=int, default=defaults.port, help="port (%(default)s)")
    speech_help = "local: Whisper hears and Piper speaks; scripted: no models (%(default)s)"
    parser.add_argument("--speech", choices=get_args(Speech), default=defaults.speech, help=speech_help)
    profile_help = "delays of the providers (%(default)s)"
    parser.add_argument("--profile", choices=get_args(ProfileName), default=defaults.profile, help=profile_help)
    scenario_help = "name of a scenario, or a YAML file (%(default)s)"
    parser.add_argument("--scenario", default=defaults.scenario, help=scenario_help)
    parser.add_argument("--seed", type=int, default=None, help="makes the delays repeatable")
    return dataclasses.replace(defaults, **vars(parser.parse_args()))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serving(settings) as port:
        logging.getLogger("simulator").info(
            "providers on http://%s:%d (speech %s, delays %s, scenario %s)",
            *(settings.host, port, settings.speech, settings.profile, settings.scenario),
        )
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
