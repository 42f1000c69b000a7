"""A run of pytest in several processes that is stopped from outside."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.check.small_projects import make_project
from tests.product.stack import eventually

# xdist interrupts its processes again after 5 seconds: the cleaning up takes longer than that.
TEST = """
import time
from pathlib import Path

import pytest

@pytest.fixture
def service():
    yield
    time.sleep(7)
    Path("cleaned-{number}").touch()

def test_waits(service):
    Path("began-{number}").touch()
    time.sleep(60)
"""


@pytest.mark.parametrize("reached", ["controller", pytest.param("all", marks=pytest.mark.long)])
def test_every_process_cleans_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reached: str) -> None:
    """A timeout of CI reaches the process that was started, Ctrl-C in a terminal each of them."""
    project = make_project(tmp_path, monkeypatch)
    for number in (1, 2):
        (project / f"test_file_{number}.py").write_text(TEST.format(number=number))
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadfile"]
    with subprocess.Popen(command, process_group=0, stdout=subprocess.PIPE, text=True) as run:
        eventually(lambda: len(list(project.glob("began-*"))) == 2, "both tests run")

        if reached == "all":
            os.killpg(run.pid, signal.SIGINT)
        else:
            run.terminate()
            run.terminate()  # as timeout(1) does
        shown, _ = run.communicate(timeout=60)

    assert len(list(project.glob("cleaned-*"))) == 2, shown
    assert run.returncode == pytest.ExitCode.INTERRUPTED
