"""Which processes count, and that none of their CPU time is lost."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.measure import processes

FakeProcess = Callable[..., None]


@pytest.fixture
def fake_process(tmp_path: Path) -> FakeProcess:
    def make(pid: int, parent: int, ticks: tuple[int, int, int, int] = (0, 0, 0, 0), pss_kib: int = 0) -> None:
        directory = tmp_path / str(pid)
        (directory / "fd").mkdir(parents=True)
        (directory / "fd/0").touch()
        before = f"{pid} (a name) with ) S {parent} 1 1 0 -1 0 0 0 0 0"
        times = " ".join(map(str, ticks))
        (directory / "stat").write_text(f"{before} {times} 20 0 3 0 100\n")
        (directory / "smaps_rollup").write_text(f"55-7f ---p 0 0:0 0 [rollup]\nRss: 9 kB\nPss: {pss_kib} kB\n")

    return make


def test_descendants_count_and_strangers_do_not(tmp_path: Path, fake_process: FakeProcess) -> None:
    fake_process(10, 1)
    fake_process(11, 10)
    fake_process(12, 11)
    fake_process(20, 1)
    assert {stat.pid for stat in processes.tree([10], tmp_path)} == {10, 11, 12}
    assert processes.threads([10], tmp_path) == 9
    assert processes.open_files([10], tmp_path) == 3


def test_a_child_that_is_named_as_a_root_too_counts_once(tmp_path: Path, fake_process: FakeProcess) -> None:
    fake_process(10, 1, ticks=(1, 1, 0, 0))
    fake_process(11, 10, ticks=(1, 1, 0, 0))
    assert processes.cpu_seconds([10, 11], tmp_path) == pytest.approx(4 * processes.TICK_S)


def test_children_that_have_ended_count_through_their_parent(tmp_path: Path, fake_process: FakeProcess) -> None:
    fake_process(10, 1, ticks=(5, 5, 70, 20))
    assert processes.cpu_seconds([10], tmp_path) == pytest.approx(100 * processes.TICK_S)


def test_memory_is_the_sum_of_the_proportional_set_sizes(tmp_path: Path, fake_process: FakeProcess) -> None:
    fake_process(10, 1, pss_kib=1000)
    fake_process(11, 10, pss_kib=500)
    assert processes.pss_mb([10], tmp_path) == pytest.approx(1500 * 1024 / 1e6)


def test_a_process_that_is_gone_uses_nothing(tmp_path: Path) -> None:
    assert processes.tree([4711], tmp_path) == []
    assert processes.cpu_seconds([4711], tmp_path) == 0


def test_a_real_child_that_came_and_went_is_in_the_parents_cpu_time() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}]); print('over'); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "over\n"
        assert processes.cpu_seconds([parent.pid]) >= 0.2
        assert processes.pss_mb([parent.pid]) > 1
        parent.communicate("\n")
