"""A worker process that gets no more memory while it holds a call."""

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from calls.models import PhoneNumber
from calls.states import EndReason, Status
from simulator.caller import CallReport
from tests.faults.outside import agents_that_joined
from tests.faults.scenarios import ENDLESS_CHAT
from tests.product.calling import Caller
from tests.product.fixtures import NUMBER
from tests.product.stack import Stack, eventually, final_call

pytestmark = pytest.mark.django_db(transaction=True)

MEMORY_GROUPS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))  # version 1 and 2
LIMITS = ("memory.limit_in_bytes", "memory.max")


@contextmanager
def _in_small_group(pid: int) -> Iterator[None]:
    """In a cgroup that may hold 256 KiB more than it has: the kernel kills the process at one of its next pages."""
    group = next((group for group in MEMORY_GROUPS if os.access(group / "cgroup.procs", os.W_OK)), None)
    if group is None:
        pytest.skip("cgroups are not ours to change here")
    group /= f"callcenter-test-{pid}"
    group.mkdir()
    try:
        limit = next((group / name for name in LIMITS if (group / name).exists()), None)
        if limit is None:
            pytest.skip("cgroups do not limit memory here")
        limit.write_text(str(256 * 1024))
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        eventually(lambda: _is_removed(group), "end of the group")  # the kernel needs a moment after its last process


def _is_removed(group: Path) -> bool:
    try:
        group.rmdir()
    except OSError:
        return False
    return True


@contextmanager
def _with_full_address_space(pid: int) -> Iterator[None]:
    """Not one page more, by a resource limit: an allocation fails in the process itself."""
    resource.prlimit(pid, resource.RLIMIT_AS, (0, resource.RLIM_INFINITY))
    yield


def _longest_silence_s(report: CallReport) -> float:
    """Between two things that an agent said, the caller's own words included."""
    return max(later - earlier for (_, earlier), (later, _) in pairwise(report.agent_spoke))


@pytest.mark.parametrize("exhausted", [_in_small_group, _with_full_address_space], ids=["cgroup", "rlimit"])
def test_22_a_worker_that_runs_out_of_memory_ends_and_another_resumes_its_call(
    stack: Stack,
    number: PhoneNumber,
    exhausted: Callable[[int], AbstractContextManager[None]],
    record_property: Callable[[str, object], None],
) -> None:
    with (
        stack.beat(),
        stack.worker("doomed", slots=1) as doomed,
        Caller(stack, stack.script(ENDLESS_CHAT), NUMBER) as caller,
        stack.worker("spare", slots=1),
    ):
        caller.wait_for("reply")
        with exhausted(doomed.pid):
            eventually(lambda: doomed.daemon.pid() is None, "end of the worker")
        eventually(lambda: "agent-2" in agents_that_joined(caller.room), "another agent in the room")
        caller.wait_for_another("reply")
        call = final_call(caller.hang_up().room)

    record_property("silent_s", _longest_silence_s(caller.report))
    assert (call.status, call.end_reason, call.attempt) == (Status.COMPLETED, EndReason.CALLER_LEFT, 2)
    assert agents_that_joined(call.room_name) == ["agent-1", "agent-2"]
