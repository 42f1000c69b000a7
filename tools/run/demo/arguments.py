"""The command line of `scripts/demo`. Standard library only: the script checks it before the set-up, which is long."""

import argparse

DESCRIPTION = """\
Shows one whole phone call on this machine, without accounts or API keys.

It prepares the checkout (scripts/setup), starts private PostgreSQL, RabbitMQ, Redis and LiveKit, the web process, the
workers and the simulated outside world, and then has a synthetic caller call the demo number: real audio through a
real LiveKit room, a webhook, a Celery task, a Pipecat pipeline that answers. You read the conversation as it happens.
Afterwards everything stays up for you to look at, until Ctrl-C.

The first run takes about five minutes, most of it for downloads and for building LiveKit; later ones take under two.
Logs are in .local/logs.
"""


def parse() -> argparse.Namespace:
    """Read the command line. Ends the program with 2 for a wrong one and with 0 after --help."""
    # No abbreviations: the script looks for --once itself.
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="end after the call; the exit code is 0 only if it completed and the caller heard every reply",
    )
    return parser.parse_args()


if __name__ == "__main__":
    parse()
