"""Whole calls on real parts: a caller in a LiveKit room, a webhook, a Celery task, a pipeline, rows in Postgres."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from django.conf import settings
from livekit.api import ListRoomsRequest, LiveKitAPI

from agents.choices import TurnPolicy
from agents.phrases import ENGLISH
from agents.services import publish
from calls.livekit.rooms import delete_room
from calls.models import Call, PhoneNumber
from calls.models.history import Speaker
from calls.states import EndReason, Status
from tests.factories import make_number, make_persona, make_tool
from tests.product.fixtures import NUMBER
from tests.product.stack import Process, Stack, eventually, final_call
from tests.services import INSTANCE
from workers.conversation.answer_timer import ANSWER_WITHIN_S

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker")]

THREE_TURNS = """
name: three turns
caller:
  steps:
    - wait_for_reply: {timeout_s: 20}
    - say: "Hello, what are your opening hours?"
    - wait_for_reply: {timeout_s: 20}
    - say: "I would like to book an appointment."
    - wait_for_reply: {timeout_s: 20}
    - say: "That is all, goodbye."
    - wait_for_reply: {timeout_s: 20}
    - stay_silent: {seconds: 20}
agent:
  default: "Could you say that again?"
  rules:
    - {when: [goodbye], say: "Goodbye and thank you.", call: {name: end_call, arguments: {reason: done}}}
    - {when: [opening hours], say: "We are open from nine to five."}
    - {when: [appointment], say: "Your appointment is on Tuesday."}
"""


@pytest.mark.quick
def test_a_call_is_answered_held_recorded_and_ended_by_the_agents_goodbye(stack: Stack, number: PhoneNumber) -> None:
    report = stack.call(stack.script(THREE_TURNS), NUMBER)
    call = final_call(report.room)

    assert report.every_reply_heard
    assert report.ended_by == "agent"
    log = (INSTANCE.log_dir / "livekit.log").read_text()
    assert report.room in log
    assert call.caller_number not in log  # no erasure reaches it there
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.AGENT_GOODBYE)
    assert [(turn.speaker, turn.text) for turn in call.turns.all()] == [
        ("agent", "Hello, this is Anna."),
        ("caller", "Hello, what are your opening hours?"),
        ("agent", "We are open from nine to five."),
        ("caller", "I would like to book an appointment."),
        ("agent", "Your appointment is on Tuesday."),
        ("caller", "That is all, goodbye."),
        ("agent", "Goodbye and thank you."),
    ]
    assert [event.to_status for event in call.events.all() if event.to_status] == [
        "queued", "connecting", "in_progress", "completed",
    ]  # fmt: skip
    assert call.phone_number == number
    assert call.attempt == 1
    assert ":" in call.lease_holder


ONE_REPLY = """
name: one reply
caller:
  steps:
    - wait_for_reply: {timeout_s: 20}
    - say: "Hello, what are your opening hours?"
    - wait_for_reply: {timeout_s: 20}
    - hang_up
agent:
  default: "Could you say that again?"
  rules:
    - {when: [opening hours], say: "We are open from nine to five."}
"""


@pytest.mark.parametrize(
    "turn_policy",
    [{}, {"turn_policy": TurnPolicy.SMART_TURN, "stt_model": "nova-3-general"}],
    ids=["eager", "smart_turn"],
)
def test_a_reply_has_its_latency_by_stage_and_the_stages_add_up(
    stack: Stack, quiet: None, turn_policy: dict[str, Any]
) -> None:
    make_number(NUMBER, make_persona(greeting="Hello.", voice_id="rachel", **turn_policy))
    report = stack.call(stack.script(ONE_REPLY), NUMBER)
    call = final_call(report.room)

    greeting, *replies = call.turns.filter(speaker=Speaker.AGENT)
    assert greeting.reply_ms is None
    assert [turn.text for turn in replies] == ["We are open from nine to five."]
    for turn in replies:
        stages = (turn.stt_ms, turn.end_of_turn_ms, turn.llm_ms, turn.tts_ms, turn.transport_ms)
        assert turn.reply_ms == sum(stage for stage in stages if stage is not None)
        assert None not in stages
        assert turn.reply_ms > 100
    for turn in call.turns.all():
        assert turn.started_at <= turn.ended_at


BARGE_IN = """
name: barge-in
caller:
  steps:
    - wait_for_reply: {timeout_s: 20}
    - say: "Please tell me your opening hours."
    - interrupt: {after_ms: 1500, say: "Stop please, I have a question about parking."}
    - wait_for_reply: {timeout_s: 20}
    - hang_up
agent:
  default: "Could you say that again?"
  rules:
    - {when: [parking], say: "There is parking behind the house."}
    - when: [opening hours]
      say: "We are open from nine to five on Monday, from ten to six on Tuesday, from eight to four on Wednesday,
        from nine to five on Thursday, from nine to three on Friday, and closed on Saturday and on Sunday."
"""


@pytest.mark.quick
def test_barge_in_silences_the_agent_and_what_it_did_not_say_is_not_in_the_transcript(
    stack: Stack, number: PhoneNumber
) -> None:
    report = stack.call(stack.script(BARGE_IN), NUMBER)
    call = final_call(report.room)

    assert report.utterances[1].silent_after_ms is not None
    interrupted = call.turns.get(interrupted=True)
    assert interrupted.speaker == Speaker.AGENT
    assert interrupted.text.startswith("We are open from nine")
    assert "Sunday" not in interrupted.text
    assert call.turns.filter(text="There is parking behind the house.").exists()
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    heard_by_llm = stack.control("GET", "requests")
    assert "Sunday" not in str(heard_by_llm)


SILENT = """
name: silent
caller:
  steps:
    - wait_for_reply: {timeout_s: 20}
    - stay_silent: {seconds: 40}
"""


def test_a_silent_caller_is_asked_and_then_hears_the_goodbye(stack: Stack, quiet: None) -> None:
    persona = make_persona(
        greeting="Hello.",
        silence_after_s=2,
        silence_prompt="Are you there?",
        silence_prompts_max=1,
        goodbye="Goodbye then.",
        voice_id="rachel",
    )
    make_number(NUMBER, persona)
    report = stack.call(stack.script(SILENT), NUMBER)
    call = final_call(report.room)

    assert report.ended_by == "agent"
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.SILENCE)
    turns = list(call.turns.all())
    assert [turn.text for turn in turns] == ["Hello.", "Are you there?", "Goodbye then."]
    for before, after in pairwise(turns):
        assert before.ended_at <= after.started_at


def test_a_call_ends_politely_at_its_longest_duration(stack: Stack, quiet: None) -> None:
    persona = make_persona(greeting="Hello.", goodbye="Time is up, goodbye.", voice_id="rachel", max_duration_s=30)
    version = persona.live_version
    assert version is not None
    type(version).objects.filter(pk=version.pk).update(max_duration_s=4)  # shorter than a supervisor may choose
    make_number(NUMBER, persona)
    report = stack.call(stack.script(SILENT), NUMBER)
    call = final_call(report.room)

    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.MAX_DURATION)
    assert [turn.text for turn in call.turns.all()] == ["Hello.", "Time is up, goodbye."]


TWO_GOODBYES = """
name: two goodbyes
caller:
  steps:
    - wait_for_reply: {timeout_s: 20}
    - say: "That is all."
    - interrupt: {after_ms: 900, say: "Okay, bye bye."}
    - wait_for_silence: {timeout_s: 10, silence_ms: 5000}
    - say: "Are you still there?"
    - wait_for_reply: {timeout_s: 5}
agent:
  default: "Goodbye and thank you."
  rules:
    - {when: [all, bye], say: "Thank you very much for your call. Goodbye.", call: {name: end_call, arguments: {}}}
"""


@pytest.mark.parametrize(
    "turn_policy", [{}, {"turn_policy": TurnPolicy.SILENCE, "stt_model": "nova-3-general"}], ids=["eager", "silence"]
)
def test_a_caller_who_says_goodbye_twice_hears_one(stack: Stack, quiet: None, turn_policy: dict[str, Any]) -> None:
    make_number(NUMBER, make_persona(greeting="Hello.", voice_id="rachel", **turn_policy))
    report = stack.call(stack.script(TWO_GOODBYES), NUMBER)
    call = final_call(report.room)

    assert report.ended_by == "agent"
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.AGENT_GOODBYE)
    agent = call.turns.filter(speaker=Speaker.AGENT)
    assert [turn.text for turn in agent] == ["Hello.", "Thank you very much for your call. Goodbye."]


def test_a_room_that_is_closed_from_outside_ends_the_call(stack: Stack, number: PhoneNumber) -> None:
    async def call_and_close() -> str:
        answered = asyncio.Event()
        placing = asyncio.create_task(
            stack.place(
                stack.script(SILENT), NUMBER, lambda event: answered.set() if event.kind == "agent_speaking" else None
            )
        )
        await answered.wait()
        rooms = await asyncio.to_thread(lambda: list(Call.objects.values_list("room_name", flat=True)))
        await delete_room(rooms[0])
        return (await placing).room

    call = final_call(asyncio.run(call_and_close()))
    assert (call.status, call.end_reason) == (Status.FAILED, EndReason.ROOM_GONE)


@pytest.mark.parametrize(
    ("called", "reason"), [("+12025550199", EndReason.UNKNOWN_NUMBER), (NUMBER, EndReason.INACTIVE_NUMBER)]
)
def test_a_call_to_an_unknown_or_inactive_number_is_rejected_and_its_room_closed(
    stack: Stack, quiet: None, called: str, reason: EndReason
) -> None:
    make_number(NUMBER, is_active=False)
    report = stack.call(stack.script(SILENT), called)
    call = final_call(report.room)

    assert not report.answered
    assert report.ended_by == "agent"
    assert (call.status, call.end_reason) == (Status.REJECTED, reason)


LONG_REPLY = """
name: long reply
caller:
  steps:
    - wait_for_reply: {timeout_s: 20}
    - say: "Tell me everything."
    - wait_for_reply: {timeout_s: 40, silence_ms: 2500}
    - hang_up
agent:
  default: "Could you say that again?"
  rules:
    - when: [everything]
      say: "We are open from nine to five on Monday, from ten to six on Tuesday, from eight to four on Wednesday, from
        nine to five on Thursday, from nine to three on Friday, and we are closed on Saturday and on Sunday."
"""


def test_a_long_reply_is_not_mistaken_for_one_that_does_not_come(stack: Stack, number: PhoneNumber) -> None:
    report = stack.call(stack.script(LONG_REPLY), NUMBER)
    call = final_call(report.room)

    reply = call.turns.filter(speaker=Speaker.AGENT)[1]
    assert (reply.ended_at - reply.started_at).total_seconds() > ANSWER_WITHIN_S
    assert "and on Sunday" in reply.text
    assert call.turns.count() == 3


HANGING_MODEL = """
name: hanging model
caller:
  steps:
    - wait_for_reply: {timeout_s: 20}
    - say: "Hello, is anybody there?"
    - wait_for_reply: {timeout_s: 30}
    - hang_up
"""


def test_a_model_that_does_not_answer_is_heard_as_words_and_not_as_silence(stack: Stack, number: PhoneNumber) -> None:
    with stack.fault("llm", "500"):
        report = stack.call(stack.script(HANGING_MODEL), NUMBER)
    call = final_call(report.room)

    assert report.every_reply_heard
    assert call.turns.filter(text=ENGLISH.say_again).exists()
    assert call.events.filter(kind="error", detail__stage="llm").exists()


@pytest.mark.parametrize("stage", ["stt", "tts"])
def test_a_provider_that_refuses_to_connect_ends_the_call_with_its_reason(
    stack: Stack, number: PhoneNumber, stage: str
) -> None:
    with stack.fault(stage, "refuse"):
        report = stack.call(stack.script(SILENT), NUMBER)
    call = final_call(report.room)

    assert report.ended_by == "agent"
    assert (call.status, call.end_reason) == (Status.FAILED, EndReason.PROVIDER_FAILURE)
    assert call.events.filter(kind="error").exists()


TOOL_FAILS = """
name: tool fails
caller:
  steps:
    - wait_for_reply: {timeout_s: 20}
    - say: "Where is my order?"
    - wait_for_reply: {timeout_s: 20}
    - hang_up
agent:
  default: "Could you say that again?"
  rules:
    - {when: [order], call: {name: find_order, arguments: {order: "17"}}}
  after_tool:
    - {name: find_order, say: "I am sorry, I could not look it up."}
"""


def test_a_tool_that_fails_is_told_to_the_model_and_heard_by_the_caller(stack: Stack, quiet: None) -> None:
    persona = make_persona(published=False, greeting="Hello.", voice_id="rachel")
    make_tool(persona, url="https://127.0.0.1:9/orders")
    publish(persona)
    make_number(NUMBER, persona)
    report = stack.call(stack.script(TOOL_FAILS), NUMBER)
    call = final_call(report.room)

    assert report.every_reply_heard
    assert [turn.text for turn in call.turns.all()] == [
        "Hello.",
        "Where is my order?",
        "I am sorry, I could not look it up.",
    ]
    assert "could not be reached" in call.events.get(kind="tool_failed").detail["why"]
    assert "could not be reached" in str(stack.control("GET", "requests"))


HANGS_UP = """
name: hangs up
caller:
  steps:
    - wait_for_reply: {timeout_s: 20}
    - hang_up
"""


def test_a_caller_who_hangs_up_ends_the_call_and_leaves_no_room(
    stack: Stack, number: PhoneNumber, worker: Process
) -> None:
    report = stack.call(stack.script(HANGS_UP), NUMBER)
    call = final_call(report.room)
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)

    async def rooms() -> list[str]:
        key, secret = settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET
        async with LiveKitAPI(settings.LIVEKIT_URL, key, secret) as livekit:
            return [room.name for room in (await livekit.room.list_rooms(ListRoomsRequest())).rooms]

    eventually(lambda: report.room not in asyncio.run(rooms()), "room closed")
