"""The commands that the documentation tells its readers to type, and how each is tested."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from tools.local import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

NEEDS = "# needs "
"""Begins a block whose commands a test cannot run: `# needs an account: Twilio`, `# needs a cluster`."""

RUN_ELSEWHERE = {
    "scripts/demo": "tests/local/test_demo.py",
    "scripts/scale.sh": "tests/scale/test_native.py",
    "scripts/test": "tests/check/test_suite.py",
    ".venv/bin/python -m tools.check": "tests/check/test_suite.py",
    ".venv/bin/python -m pytest": "tests/docs/test_commands.py",
    ".venv/bin/python -m tools.chaos": "tests/chaos/test_chaos.py",
    ".venv/bin/python -m tools.bench": "tests/bench/test_runs.py",
    ".venv/bin/python -m tools.local": "tests/local/test_services.py",
    ".venv/bin/python tools/loadtest/load_test.py": "tests/loadtest/test_options.py",
    ".venv/bin/python -m tools.loadtest.webhooks.rate": "tests/loadtest/test_webhook_load.py",
    ".venv/bin/locust": "tests/loadtest/test_small_loads.py",
    'PATH="$PWD/.venv/bin:$PATH" honcho start': "tests/scale/test_native.py",
}
"""Programs that start a system of their own or take minutes, and the test that runs them or their parts."""

_FENCE = re.compile(r"^( *)```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_SETTING = re.compile(r"[A-Z][A-Z0-9_]*=\S*")


@dataclass(frozen=True)
class Command:
    """A command, with its lines joined as the shell would, and where it stands. `needs` is what a test has not."""

    text: str
    page: Path
    line: int
    needs: str = ""

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def elsewhere(self) -> str:
        """The test that runs the program, if it is not this one."""
        programs = (program for program in RUN_ELSEWHERE if f"{self.text} ".startswith(f"{program} "))
        return next((RUN_ELSEWHERE[program] for program in programs), "")

    @property
    def is_setting(self) -> bool:
        """Whether it is a line of .env, and no command."""
        return _SETTING.fullmatch(self.text) is not None


def commands() -> list[Command]:
    """Every command of every page, in order."""
    return [command for page in PAGES for command in _of_page(page)]


def _of_page(page: Path) -> list[Command]:
    text = page.read_text()
    found = []
    for block in _FENCE.finditer(text):
        first = text.count("\n", 0, block.start(2)) + 1
        lines = [line.removeprefix(block[1]) for line in block[2].splitlines()]
        needs = lines[0].removeprefix(NEEDS) if lines[0].startswith(NEEDS) else ""
        found += [Command(command, page, first + number, needs) for number, command in _joined(lines)]
    return found


def _joined(lines: list[str]) -> list[tuple[int, str]]:
    """The commands of a block without its comments, each with the number of its first line, from 0 on."""
    found: list[tuple[int, str]] = []
    parts: list[str] = []
    began = 0
    for number, line in enumerate(lines):
        began = began if parts else number
        parts.append(line)
        text = "\n".join(parts)
        try:
            words = shlex.split(text, comments=True)
        except ValueError:  # a quote is open, or the line goes on
            continue
        if line.endswith("\\"):
            continue
        if words:
            found.append((began, re.sub(r"\s+#\s.*$", "", text) if "\n" not in text else text))
        parts = []
    return found
