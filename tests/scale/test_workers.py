"""Workers come and go without a call being cut: the processes here take the place of Celery's."""

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.product.stack import eventually
from tests.services import INSTANCE
from tools.local import Instance
from tools.run.scale.workers import Workers

# Says that it can be stopped; stopped, it ends when its "call" does, which is when the file is there.
WORKER = """
import pathlib, signal, sys, time
over = pathlib.Path(sys.argv[1])
def finish(*_):
    while not over.exists():
        time.sleep(0.02)
    sys.exit(0)
signal.signal(signal.SIGTERM, finish)
print("ready", sys.argv[2:], flush=True)
while True:
    signal.pause()
"""


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return replace(INSTANCE, state_dir=tmp_path)


@pytest.fixture
def over(tmp_path: Path) -> Path:
    """Made when the calls shall end."""
    return tmp_path / "over"


@pytest.fixture
def workers(instance: Instance, tmp_path: Path, over: Path) -> Iterator[Workers]:
    program = tmp_path / "worker.py"
    program.write_text(WORKER)
    workers = Workers(instance, f"exec {sys.executable} {program} {over}")
    yield workers
    workers.kill()


def wait_until_ready(workers: Workers) -> None:
    for daemon in workers.serving().values():
        eventually(lambda daemon=daemon: daemon.has_logged("ready"), "worker")  # type: ignore[misc]


def test_every_worker_has_a_name_of_its_own(workers: Workers) -> None:
    assert workers.grow(2) == [1, 2]
    wait_until_ready(workers)
    assert [f"calls-{number}@%h" in daemon.last_log_line() for number, daemon in workers.serving().items()] == [
        True
    ] * 2


def test_one_that_has_to_go_lives_as_long_as_its_calls(workers: Workers, over: Path) -> None:
    workers.grow(3)
    wait_until_ready(workers)
    assert workers.shrink(2) == [3, 2]
    assert (list(workers.serving()), list(workers.draining())) == ([1], [2, 3])
    assert not workers.wait_until_drained(0.3)
    over.touch()
    assert workers.wait_until_drained(20.0)
    assert (list(workers.serving()), list(workers.lost())) == ([1], [])


def test_new_ones_do_not_take_the_name_of_one_that_is_going(workers: Workers, over: Path) -> None:
    workers.grow(2)
    wait_until_ready(workers)
    workers.shrink(1)
    assert workers.grow(1) == [3]
    assert list(workers.serving()) == [1, 3]
    over.touch()


def test_another_command_finds_the_same_workers(workers: Workers, instance: Instance) -> None:
    workers.grow(1)
    pid = workers.serving()[1].pid()
    assert Workers(instance, "exec false").serving()[1].pid() == pid


def test_one_that_died_is_told_from_one_that_was_told_to_go(workers: Workers) -> None:
    workers.grow(2)
    wait_until_ready(workers)
    pid = workers.serving()[2].pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: 2 not in workers.serving(), "end of the worker")
    assert list(workers.lost()) == [2]
    workers.forget_lost()
    assert workers.grow(1) == [2]
