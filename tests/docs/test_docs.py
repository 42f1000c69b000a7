"""What the documentation names exists: scripts, commands, files, addresses, links, environment variables."""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import Resolver404, resolve

from simulator.app import create_app
from simulator.scenario import parse_scenario
from simulator.world import Settings
from tools.local import ROOT
from tools.setup.environment import read

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
# Directories, and files at the root, that the repository has: a path in the documentation begins with one of them.
PLACES = (
    *("access", "agents", "callcenter", "calls", "common", "docker", "docs", "kubernetes", "requirements", "scripts"),
    *("simulator", "templates", "tests", "tools", "workers"),
)
ROOT_FILES = re.compile(
    r"(?:manage\.py|Procfile|env\.template|compose(?:\.prod)?\.yaml|pyproject\.toml|[A-Z]+\.md|LICENSE)"
)

_FENCE = re.compile(r"^ *```\w*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_YAML_SCENARIO = re.compile(r"^```yaml\n(name: .*?)^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_SCRIPT = re.compile(r"\bscripts/[\w.-]+")
_MODULE = re.compile(r"python -m ([\w.]+)")
_MANAGE = re.compile(r"manage\.py ([a-z_]+)")
_LOCAL_URL = re.compile(r"http://(?:localhost|127\.0\.0\.1):(8080|8090)(/[\w/.-]*)")
_URL_PATH = re.compile(r"^(?:(?:GET|PUT|POST|DELETE) )?(/[a-z][\w/-]*)$")
_TABLE_VARIABLE = re.compile(r"^\| `([A-Z][A-Z0-9_]+)` \|", re.MULTILINE)
_VARIABLE = re.compile(
    r"\b(?:DJANGO|ALLOWED|PUBLIC|WEB|ADMIN|DATABASE|POSTGRES|CELERY|RABBITMQ|LIVEKIT|REDIS|TWILIO|DEEPGRAM|ELEVENLABS"
    r"|OPENAI|ASSEMBLYAI|ANTHROPIC|CARTESIA|FALLBACK|SIMULATOR|MAX|WORKER|AUDIO|SPOOL|FLOWER|LOG)_[A-Z0-9_]+\b"
)

on_every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def _code(page: Path) -> list[str]:
    """The page's code: blocks line by line, and spans in the text."""
    text = page.read_text()
    blocks = [line for block in _FENCE.findall(text) for line in block.splitlines()]
    return [*blocks, *_SPAN.findall(_FENCE.sub("", text))]


def _prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text())


def _named(page: Path, pattern: re.Pattern[str]) -> set[str]:
    return {name for code in _code(page) for name in pattern.findall(code)}


def _missing(names: Iterable[str], exists: Callable[[str], bool]) -> list[str]:
    return sorted(name for name in names if not exists(name))


def _anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _is_module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _is_page(path: str) -> bool:
    if path in ("/health", "/health/ready"):  # answered before the URLs, see callcenter.health.probes
        return True
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


@on_every_page
def test_every_script_exists_and_can_be_run(page: Path) -> None:
    assert _missing(_named(page, _SCRIPT), lambda name: os.access(ROOT / name, os.X_OK)) == []


@on_every_page
def test_every_module_and_django_command_exists(page: Path) -> None:
    assert _missing(_named(page, _MODULE), _is_module) == []
    assert _missing(_named(page, _MANAGE), get_commands().__contains__) == []


@on_every_page
def test_every_path_exists(page: Path) -> None:
    words = {word.strip(",;:()\"'") for code in _code(page) for word in code.split()}
    paths = {word for word in words if word.split("/")[0] in PLACES and "/" in word or ROOT_FILES.fullmatch(word)}

    assert _missing(paths, lambda path: (ROOT / path).exists()) == []


@on_every_page
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = [link for link in _LINK.findall(_prose(page)) if "://" not in link]
    for link in links:
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in {_anchor(heading) for heading in _HEADING.findall(_prose(target))}, f"{page.name}: {link}"


@on_every_page
def test_every_address_is_answered_by_the_site_or_the_simulator(page: Path) -> None:
    simulated = {resource.canonical for resource in create_app(Settings(speech="scripted")).router.resources()}
    full = _LOCAL_URL.findall(page.read_text())
    paths = {match.group(1) for code in _code(page) if (match := _URL_PATH.match(code))}

    assert _missing({path for port, path in full if port == "8080"}, _is_page) == []
    assert _missing({path for port, path in full if port == "8090"}, simulated.__contains__) == []
    outside = {path for path in paths if Path(path).parts[1] in ("root", "tmp", "usr", "var")}
    assert _missing(paths - outside, lambda path: path in simulated or _is_page(path)) == []


def test_every_variable_is_explained_and_every_explained_variable_exists() -> None:
    explained = _TABLE_VARIABLE.findall((ROOT / "docs/SETUP.md").read_text())

    assert sorted(explained) == sorted(read(ROOT / "env.template"))


@on_every_page
def test_every_variable_that_is_named_exists(page: Path) -> None:
    variables = read(ROOT / "env.template")

    assert _missing(_VARIABLE.findall(page.read_text()), variables.__contains__) == []


def test_the_example_of_a_scenario_is_one() -> None:
    (example,) = _YAML_SCENARIO.findall((ROOT / "docs/TESTING_GUIDE.md").read_text())
    scenario = parse_scenario(example)

    assert len(scenario.caller.steps) == 7
    assert len(scenario.agent.rules) == 3


@pytest.mark.parametrize("module", ["simulator", "simulator.caller", "tools.local", "tools.run.demo"])
def test_a_program_explains_itself(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage:")
