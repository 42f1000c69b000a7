"""`python -m tools.setup`, started by scripts/setup. Each step looks first and does only what is missing."""

import sys

from tools.errors import ToolError
from tools.setup import environment, livekit_server, packages

PYTHON_ONLY = "--python-only"
TESTS = "--tests"


def main() -> int:
    """Runs every step, also after one that failed, so that one run reports everything that is wrong.

    With --python-only, for containers, what runs natively is left away: the Python environment stands already. With
    --tests, what only tests need comes too.
    """
    native = [] if PYTHON_ONLY in sys.argv[1:] else [packages.install, livekit_server.build]
    for_tests = [packages.install_for_tests] if TESTS in sys.argv[1:] else []
    failures = 0
    for step in (*native, *for_tests, environment.write):
        try:
            step()
        except ToolError as error:
            failures += 1
            print(f"setup: {error}", file=sys.stderr)
    if not failures:
        print("Set-up is complete.", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
