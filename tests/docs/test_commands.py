"""Every command in the documentation is run, or another test runs its program, or it says what it needs."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs.commands import RUN_ELSEWHERE, Command, commands
from tests.scale.test_native import Scale
from tools.local import ROOT, Instance
from tools.local.isolated_env import isolated_environment

COMMANDS = [command for command in commands() if not command.is_setting]
HERE = list({c.text: c for c in reversed(COMMANDS) if not (c.elsewhere or c.needs)}.values())[::-1]

EXAMPLE_ID = "5f0c"
EXAMPLE_FILE = "/tmp/order.yaml"  # noqa: S108  as the page says it
_YAML = re.compile(r"^```yaml\n(name: .*?)^```", re.MULTILINE | re.DOTALL)
_OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
_PROGRAM = re.compile(r"(?:\.venv/bin/python (?:manage\.py \w+|-m [\w.]+|\S+\.py)|scripts/\S+|\.venv/bin/locust)")


@pytest.fixture(scope="module")
def running() -> Iterator[Scale]:
    """The whole call center, apart from everything else, after `scripts/scale.sh up 1` and one call."""
    scale = Scale(ROOT / f".local/docs-test-{os.getpid()}")
    try:
        for action in (("up", "1"), ("test",)):
            code, shown = scale.run(*action)
            assert code == 0, "\n".join(shown)
        yield scale
    finally:
        scale.run("down", "--now")
        instance = Instance.from_environment(scale.environment, state_dir=scale.state_dir)
        for folder in {instance.state_dir, instance.data_dir}:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def reader(running: Scale, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as a reader finds it, with the .env and the logs of what runs; what is written does not stay."""
    folder = tmp_path_factory.mktemp("reader")
    for entry in ROOT.iterdir():
        if entry.name not in (".env", ".local", ".git"):
            (folder / entry.name).symlink_to(entry)
    names = isolated_environment().keys()
    (folder / ".env").write_text("".join(f"{name}={shlex.quote(running.environment[name])}\n" for name in names))
    logs = folder / ".local/logs"
    logs.mkdir(parents=True)
    for log in (running.state_dir / "logs").iterdir():
        (logs / log.name).symlink_to(log)
    (logs / "worker.log").symlink_to(running.state_dir / "logs/worker-1.log")
    (example,) = _YAML.findall((ROOT / "docs/TESTING_GUIDE.md").read_text())
    (folder / "order.yaml").write_text(example)
    return folder


def as_typed(command: Command, running: Scale, folder: Path) -> str:
    """The command for what runs here: its ports, its files, an end of what would follow a log for ever.

    An answer of curl that is an error counts as one.
    """
    log = (running.state_dir / "logs/web.log").read_text()
    call_id = next(iter(re.findall(r"\b[0-9a-f]{8}-[0-9a-f]{4}-", log)), EXAMPLE_ID)
    text = re.sub(r"\b(?:localhost|127\.0\.0\.1):8080\b", f"127.0.0.1:{running.environment['WEB_PORT']}", command.text)
    text = text.replace("127.0.0.1:8090", f"127.0.0.1:{running.environment['SIMULATOR_PORT']}")
    text = text.replace(EXAMPLE_FILE, str(folder / "order.yaml")).replace(EXAMPLE_ID, call_id[:8])
    return text.replace("tail -f", "tail").replace("curl -s ", "curl -sf ")


@pytest.mark.parametrize("command", HERE, ids=str)
def test_a_command_does_what_the_page_says(command: Command, running: Scale, reader: Path) -> None:
    password = {"PGPASSWORD": running.environment["POSTGRES_PASSWORD"]}  # exported by the command before
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", as_typed(command, running, reader)],
        cwd=reader,
        env=running.environment | password,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=150,
    )

    assert done.returncode == 0, f"{command}: {command.text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def explained(program: str, text: str) -> str:
    """What a program says of its options; of the command in `text`, or of all, if it has commands."""
    if program.startswith("scripts/") and "--help" not in (script := (ROOT / program).read_text()):
        return script
    shown = shown_by(program)
    if several := re.search(r"\{([\w,-]+)\} \.\.\.", shown):
        names = several[1].split(",")
        named = [name for name in names if f" {name}" in text]
        shown += "".join(shown_by(program, name) for name in named or names)
    return shown


@cache
def shown_by(program: str, *words: str) -> str:
    """What it prints with --help: several pages name the same program."""
    command = [*shlex.split(program), *words, "--help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in HERE and (c.elsewhere or c.needs)], ids=str)
def test_a_command_that_is_not_run_here_has_only_options_that_exist(command: Command) -> None:
    program, options = _PROGRAM.match(command.text), set(_OPTION.findall(command.text))
    if program is None or not options or program[0] == "scripts/test":  # its arguments are pytest's
        return
    shown = explained(program[0], command.text)

    assert {option for option in options if not re.search(rf"{option}\b", shown)} == set(), str(command)


def test_what_runs_elsewhere_has_its_test() -> None:
    assert [test for test in RUN_ELSEWHERE.values() if not (ROOT / test).is_file()] == []
    unused = [program for program in RUN_ELSEWHERE if not any(c.text.startswith(program) for c in COMMANDS)]
    assert unused == [], "no page names these any more"
