"""A message that a worker cannot use goes back to the queue, for another worker."""

import pytest
from celery.exceptions import Reject

from calls.states import Status
from tests.factories import make_call
from workers import tasks
from workers.process import reachability
from workers.process.heartbeat import Heartbeat
from workers.process.reachability import Reachability


@pytest.fixture
def beating(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is known to live."""
    heartbeat = Heartbeat("host:1")
    heartbeat.beat()
    monkeypatch.setattr(tasks, "heartbeat", heartbeat)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "RETURN_AFTER_S", 0.0)


def returned_because() -> str:
    """Run the task, and return why its message goes back."""
    with pytest.raises(Reject) as rejected:
        tasks.run_call.run("any")
    reason, requeue = rejected.value.args
    assert requeue
    return str(reason)


@pytest.mark.django_db(transaction=True)
def test_a_process_whose_heartbeat_is_not_written_claims_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "heartbeat", Heartbeat("host:1"))
    call = make_call()

    assert "heartbeat" in returned_because()

    call.refresh_from_db()
    assert (call.status, call.attempt) == (Status.QUEUED, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("beating")
def test_a_process_whose_agents_do_not_reach_livekit_claims_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    unreached = Reachability()
    unreached.failed()
    monkeypatch.setattr(reachability, "livekit", unreached)
    call = make_call()

    assert "LiveKit" in returned_because()

    call.refresh_from_db()
    assert (call.status, call.attempt) == (Status.QUEUED, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("beating")
def test_a_copy_of_a_message_that_finds_no_call_is_not_returned() -> None:
    tasks.run_call.run("any")
