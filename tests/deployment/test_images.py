"""The Dockerfiles pass hadolint, and what they copy is enough to run, and no more."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deployment import dockerfiles
from tools.local import ROOT
from tools.setup import environment

on_every_image = pytest.mark.parametrize("name", dockerfiles.NAMES)
REQUIREMENTS = {
    "web": "requirements/base.txt",
    "worker": "requirements/worker.txt",
    "simulator": "docker/simulator/requirements.txt",
}
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)

# Runs a program as in the image: what the image does not have cannot be imported.
WITHOUT = """
import sys
from importlib.abc import MetaPathFinder

class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent}:
            raise ModuleNotFoundError(f"the image has no {{name}}", name=name)

sys.meta_path.insert(0, Absent())
{program}
"""


@on_every_image
def test_hadolint_has_nothing_to_say(name: str) -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([str(hadolint), str(dockerfiles.path(name))], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@on_every_image
def test_an_image_is_built_in_two_stages_and_run_without_privileges(name: str) -> None:
    build, final = dockerfiles.stages(name)
    assert re.fullmatch(r"python:3\.12\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", build.image)
    assert final.image == build.image
    assert build.name == "build"
    assert final.all("USER") == ["10001:10001"]
    assert not any("pip install" in run for run in final.all("RUN"))
    assert all("--require-hashes" in run for run in build.all("RUN") if "pip install" in run)


@on_every_image
def test_everything_that_is_copied_exists_and_is_sent_to_the_engine(name: str) -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    sources = [source for stage in dockerfiles.stages(name) for source in stage.sources()]
    assert REQUIREMENTS[name] in sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source in allowed, source


def test_nothing_else_is_sent_to_the_engine() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert allowed == {
        source for name in dockerfiles.NAMES for stage in dockerfiles.stages(name) for source in stage.sources()
    }


def test_the_web_image_has_no_pipecat_and_of_the_workers_only_the_providers() -> None:
    names = {name.lower() for name, _ in _PIN.findall((ROOT / REQUIREMENTS["web"]).read_text())}
    assert not names & {"pipecat-ai", "onnxruntime", "deepgram-sdk", "torch", "faster-whisper"}
    sources = {source for stage in dockerfiles.stages("web") for source in stage.sources()}
    assert "simulator" not in sources
    of_workers = {source for source in sources if source.startswith("workers")}
    assert of_workers == {"workers/__init__.py", "workers/providers"}


def test_the_simulator_has_the_versions_that_are_tested() -> None:
    tested = dict(_PIN.findall((ROOT / "requirements/dev.txt").read_text()))
    pinned = dict(_PIN.findall((ROOT / REQUIREMENTS["simulator"]).read_text()))
    assert pinned
    assert pinned == {name: tested[name] for name in pinned}
    assert dict(_PIN.findall((ROOT / "docker/simulator/requirements.in").read_text())).items() <= pinned.items()


def test_the_worker_image_gives_the_spool_to_its_user() -> None:
    final = dockerfiles.final("worker")
    spool = final.environment["SPOOL_DIR"]
    assert final.all("VOLUME") == [spool]
    assert f"install -d -o 10001 -g 10001 -m 700 {spool}" in " ".join(final.all("RUN"))
    assert final.all("EXPOSE") == [final.environment["METRICS_PORT"]]


# Whatever of the providers' code the manifests name for the web process.
_FOR_THE_WEB = (
    "from agents.providers import registry; from django.utils.module_loading import import_string; "
    "paths = [path for provider in registry.all() for path in (provider.check_key, *("
    "each for offer in provider.offers for each in (offer.speak, offer.list_voices))) if path]; "
    "assert len(paths) > 5, paths; [import_string(path) for path in paths]"
)


@pytest.mark.parametrize(
    ("name", "program", "absent"),
    [
        ("web", "import callcenter.asgi", {"pipecat", "workers", "simulator", "tools", "onnxruntime", "pytest"}),
        (
            "web",
            "import agents.tasks, calls.tasks, flower",
            {"pipecat", "workers", "simulator", "tools", "onnxruntime"},
        ),
        ("web", _FOR_THE_WEB, {"pipecat", "loguru", "deepgram", "openai", "anthropic", "simulator", "tools"}),
        ("worker", "import callcenter.celery, workers.tasks, workers.call.lifetime", {"simulator", "tools", "pytest"}),
        ("simulator", "import simulator.app, simulator.caller.call", {"django", "celery", "pipecat", "callcenter"}),
    ],
)
def test_what_an_image_holds_is_enough_to_start(name: str, program: str, absent: set[str], tmp_path: Path) -> None:
    for source in dockerfiles.stages(name)[0].sources():
        if source.endswith(".txt"):
            continue
        target = tmp_path / source
        target.parent.mkdir(exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, target)
    program = program if name == "simulator" else f"import django, os; {_SET_UP}; {program}"
    # Nothing listens on port 1: the database and the broker are away.
    values = environment.from_template(ROOT / "env.template") | {
        "DATABASE_URL": "postgres://callcenter:none-here@127.0.0.1:1/callcenter",
        "CELERY_BROKER_URL": "amqp://callcenter:none-here@127.0.0.1:1//",
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(absent=absent, program=program)],
        cwd=tmp_path,
        env=values,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


_SET_UP = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'callcenter.settings'); django.setup()"


def test_a_container_starts_its_command_under_an_init() -> None:
    """Without a script between: `docker compose exec` runs in the same environment as the process itself."""
    for name in dockerfiles.NAMES:
        assert dockerfiles.final(name).all("ENTRYPOINT") == ['["tini", "--"]'], name
