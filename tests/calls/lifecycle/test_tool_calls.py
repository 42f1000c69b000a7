"""What an agent asks of a tool's service is asked once, whatever becomes of the agent."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from calls.lifecycle import tool_calls
from calls.models import Call, ToolCall
from calls.models.history import Speaker
from calls.privacy import erasure
from calls.states import Status
from tests.factories import make_call, make_turn

pytestmark = pytest.mark.django_db

ARGUMENTS = {"order": "17"}


@pytest.fixture
def call() -> Call:
    return make_call(Status.IN_PROGRESS)


def request(call: Call, turn: int = 1, tool: str = "book", **arguments: Any) -> ToolCall:
    return tool_calls.request(call.pk, call.attempt, turn, tool, arguments or ARGUMENTS)


def test_a_request_without_an_answer_is_made_again_with_its_key_by_the_next_agent_too(call: Call) -> None:
    first = request(call, turn=1)
    Call.objects.filter(pk=call.pk).update(attempt=call.attempt + 1)
    call.refresh_from_db()

    again = request(call, turn=1)
    later = request(call, turn=2)

    assert again.key == later.key == first.key
    assert not later.is_answered()


def test_an_answer_is_kept_for_the_same_words_of_the_caller(call: Call) -> None:
    assert request(call, turn=1).store({"result": "booked"})

    again = request(call, turn=1)
    assert (again.is_answered(), again.answer) == (True, {"result": "booked"})


def test_the_same_request_in_a_later_turn_is_a_new_one_after_an_answer(call: Call) -> None:
    first = request(call, turn=1)
    first.store({"result": "booked"})

    later = request(call, turn=2)
    assert later.key != first.key
    assert not later.is_answered()


def test_another_call_tool_or_argument_is_another_request(call: Call) -> None:
    other = make_call(Status.IN_PROGRESS)
    records = [request(call), request(other), request(call, tool="cancel"), request(call, order="18")]

    assert len({record.key for record in records}) == 4


def test_the_key_of_a_request_is_known_without_a_database(call: Call) -> None:
    key = tool_calls.key_of(call.pk, 3, "book", {"order": "17", "size": "small"})

    assert request(call, turn=3, size="small", order="17").key == key


def test_an_agent_that_lost_its_call_may_ask_for_nothing(call: Call) -> None:
    Call.objects.filter(pk=call.pk).update(attempt=call.attempt + 1)

    with pytest.raises(tool_calls.MovedOn):
        request(call)
    assert not ToolCall.objects.exists()


def test_what_the_agent_has_not_spoken_about_is_untold(call: Call) -> None:
    now = timezone.now()
    make_turn(call, 1, speaker=Speaker.CALLER).save()
    earlier = request(call, turn=1)
    earlier.store({"result": "booked"})
    make_turn(call, 2, speaker=Speaker.AGENT, started_at=now + timedelta(seconds=1)).save()
    assert tool_calls.untold(call.pk) == []

    make_turn(call, 3, speaker=Speaker.CALLER, started_at=now + timedelta(seconds=2)).save()
    ToolCall.objects.create(call=call, turn=2, tool="book", arguments={}, requested_at=now + timedelta(seconds=3))
    [untold] = tool_calls.untold(call.pk)
    assert untold.turn == 2


def test_after_an_erasure_nothing_is_left_and_a_late_answer_is_not_stored() -> None:
    call = make_call(Status.COMPLETED, caller_number="+12025550123")
    record = ToolCall.objects.create(call=call, turn=1, tool="book", arguments=ARGUMENTS)

    erasure.erase_number("+12025550123", "sofia")

    assert not ToolCall.objects.exists()
    assert not record.store({"result": "booked for Ann"})
    with pytest.raises(tool_calls.MovedOn):
        request(call)
