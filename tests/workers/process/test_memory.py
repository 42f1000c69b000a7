"""What a worker process leaves out of its memory, told by a fresh interpreter that has started as a worker does."""

import json
import os
import subprocess
import sys

import pytest

from tools.local import ROOT

START = """
import json, sys
from callcenter.celery import app
app.loader.import_default_modules()
import workers.tasks
{then}
value = {value}
print(json.dumps([sorted(sys.modules), value]))
"""
UNUSED = (
    "callcenter.urls",
    "drf_spectacular.views",
    "elevenlabs",
    "openai.types.evals",
    "phonenumbers",
    "unfold.admin",
)


def _in_a_worker(then: str = "", value: str = "None") -> tuple[set[str], object]:
    """The modules that are loaded after `then`, and the value of the expression `value`."""
    program = START.format(then=then, value=value)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    modules, found = json.loads(done.stdout.splitlines()[-1])
    return set(modules), found


@pytest.fixture(scope="module")
def started() -> set[str]:
    return _in_a_worker("workers.tasks.prepare_process()")[0]


@pytest.mark.parametrize("module", UNUSED)
def test_a_worker_does_not_load_what_calls_never_use(started: set[str], module: str) -> None:
    assert module not in started


def test_what_the_first_call_uses_is_loaded_before_it(started: set[str]) -> None:
    late = {"anyio._backends._asyncio", "deepgram.listen.v1.socket_client", "psycopg_pool", "websockets.legacy.client"}
    assert late | {"openai.resources.chat.completions.completions"} <= started


def test_the_turn_models_share_one_session_and_one_thread() -> None:
    make = "from workers.turns.detectors import SharedSileroVad, SharedSmartTurn; "
    make += "a, b = SharedSmartTurn(), SharedSmartTurn()"
    shared = "[a._session is b._session, a._model_executor is b._model_executor, "
    shared += "SharedSileroVad()._model.session is SharedSileroVad()._model.session]"
    assert _in_a_worker(make, shared)[1] == [True, True, True]


def test_a_process_that_gets_no_more_memory_is_told_so() -> None:
    take = "import resource; from workers.process import memory; before = memory.is_available(); "
    take += "resource.setrlimit(resource.RLIMIT_AS, (0, resource.RLIM_INFINITY)); after = memory.is_available(); "
    take += "resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))"
    assert _in_a_worker(take, "[before, after]")[1] == [True, False]
