"""Which processes count, and that none of their CPU time is lost."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tools.measure import processes

CHILD = "import sys; print('up', flush=True); sys.stdin.read()"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
child.communicate()
"""


@pytest.fixture
def family() -> Iterator[tuple[int, int]]:
    """The ids of a process and its child, both of which wait."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        yield parent.pid, int(parent.stdout.readline())
        parent.communicate()


def test_descendants_count_and_strangers_do_not(family: tuple[int, int]) -> None:
    parent, child = family
    assert {process.pid for process in processes.tree([parent])} == {parent, child}
    assert {process.pid for process in processes.tree([child])} == {child}
    assert processes.threads([parent]) == 2
    assert processes.open_files([parent]) == len(os.listdir(f"/proc/{parent}/fd") + os.listdir(f"/proc/{child}/fd"))


def test_a_child_that_is_named_as_a_root_too_counts_once(family: tuple[int, int]) -> None:
    assert sorted(process.pid for process in processes.tree(family)) == sorted(family)
    assert processes.cpu_seconds(family) == processes.cpu_seconds(family[:1])


def test_memory_is_the_sum_of_the_proportional_set_sizes(family: tuple[int, int]) -> None:
    each = [processes.pss_mb([family[1]]), processes.pss_mb(family)]
    assert 1 < each[0] < each[1]


def test_a_process_that_is_gone_uses_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    assert processes.tree([gone.pid]) == []
    assert processes.cpu_seconds([gone.pid]) == 0
    assert processes.pss_mb([gone.pid]) == 0


def test_a_child_that_came_and_went_is_in_the_parents_cpu_time() -> None:
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
