"""The synthetic caller in a real LiveKit room, with an agent whose timing is known."""

import asyncio
import json
import statistics
import time
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from livekit import rtc
from livekit.api import DeleteRoomRequest, LiveKitAPI

from simulator.caller import CallerEvent, CallerSettings, CallReport, place_call
from simulator.caller.ear import SPEECH_RMS
from simulator.caller.settings import identity_of
from simulator.scenario import Scenario, parse_scenario
from simulator.speech.audio import wav
from simulator.speech.marks import code_of, read_mark
from simulator.speech.pcm import SAMPLE_RATE, rms
from tests.simulator.caller.echo_agent import EchoAgent, tone
from tests.simulator.caller.steady import steady

if TYPE_CHECKING:
    from tests.services import LiveKitServer

CALLER, AGENT = "+12025550123", "+12025550100"

CONVERSATION = """
    - wait_for_reply: {timeout_s: 10}
    - say: "Hello, what are your opening hours?"
    - wait_for_reply: {timeout_s: 5, silence_ms: 350}
    - say: "Yes."
    - wait_for_reply: {timeout_s: 5, silence_ms: 350}
    - dtmf: "1#"
    - say: "I would like an appointment."
    - wait_for_reply: {timeout_s: 5, silence_ms: 350}
    - hang_up
"""


def scenario(steps: str, rules: str = "[]") -> Scenario:
    return parse_scenario(f"name: test\ncaller:\n  from: '{CALLER}'\n  steps:\n{steps}\nagent:\n  rules: {rules}\n")


@dataclass
class Placed:
    """A call that is over, with what happened on both sides. `origin` is on the agent's clock."""

    report: CallReport
    agent: EchoAgent
    events: list[CallerEvent] = field(default_factory=list)
    origin: float = 0.0

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


Place = Callable[..., Awaitable[Placed]]


@pytest.fixture
def place(livekit: "LiveKitServer") -> Place:
    """Places a call with an echo agent in the room: place(steps, agent options, caller options)."""
    rooms = (f"ear-test-{time.monotonic_ns()}-{number}" for number in range(100))

    async def placing(steps: str, agent: dict[str, Any] | None = None, rules: str = "[]", **caller: Any) -> Placed:
        keys = (livekit.url, livekit.api_key, livekit.api_secret)
        settings = CallerSettings(*keys, AGENT, scenario(steps, rules), room=next(rooms), **caller)
        events: list[CallerEvent] = []
        started: list[float] = []

        def on_event(event: CallerEvent) -> None:
            if event.kind == "joined":
                started.append(time.monotonic())
            events.append(event)

        async with joined(EchoAgent(*keys, str(settings.room), **agent or {})) as echo:
            report = await place_call(settings, on_event)
        return Placed(report, echo, events, started[0])

    return placing


@asynccontextmanager
async def joined(agent: EchoAgent) -> AsyncIterator[EchoAgent]:
    await agent.join()
    try:
        yield agent
    finally:
        await agent.leave()


async def test_a_conversation_is_heard_and_measured(place: Place, tmp_path: Path) -> None:
    call = await steady(
        lambda: place(CONVERSATION, wav_path=tmp_path / "call.wav", ring_timeout_s=10), lambda placed: placed.report
    )
    report, agent = call.report, call.agent

    assert report.completed
    assert report.every_reply_heard
    assert report.ended_by == "caller"
    assert [u.reply_heard for u in report.utterances] == [True] * 3
    assert agent.keys == ["1", "#"]
    assert call.kinds()[:2] == ["joined", "answered"]
    assert call.kinds()[-1] == "ended"
    assert call.kinds().count("reply") == 3
    assert json.loads(json.dumps(report.as_dict()))["every_reply_heard"] is True

    assert agent.caller is not None
    assert agent.caller.kind == rtc.ParticipantKind.PARTICIPANT_KIND_SIP
    attributes = agent.caller.attributes
    assert f"<sip:{CALLER}@" in attributes["callcenter.from"]
    assert f"<sip:{AGENT}@" in attributes["callcenter.to"]
    assert CALLER not in agent.caller.identity + agent.caller.name
    assert attributes["sip.callStatus"] == "active"
    assert attributes["sip.callID"]
    assert attributes["sip.twilio.callSid"]

    check_latencies(call)
    check_recording(call, tmp_path / "call.wav")


def check_latencies(call: Placed) -> None:
    """A sound takes as long from the agent to the caller as back: so it does if both ends are dated right.

    The agent knows when its replies left and when the caller's last sounds came; the caller says when its speech ended
    and when the replies came. An error in either of the caller's figures makes the two journeys differ.
    """
    there, back = [], []
    replies = zip(call.report.utterances, call.agent.heard, call.agent.said[1:], strict=True)
    for utterance, heard, said in replies:
        assert utterance.reply_latency_ms is not None
        assert utterance.reply_lasted_ms == pytest.approx(call.agent.reply_s * 1000, abs=100)
        ended_at = call.origin + utterance.ended_s
        there.append(heard.last_at - ended_at)
        back.append(ended_at + utterance.reply_latency_ms / 1000 - said.started_at)
    assert 0 < statistics.median(there) < 0.25
    assert statistics.median(back) == pytest.approx(statistics.median(there), abs=0.04)


def check_recording(call: Placed, path: Path) -> None:
    """The gap between the two voices in the file is the latency in the report."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, SAMPLE_RATE, 2)
        both = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16).reshape(-1, 2)
    assert len(both) / SAMPLE_RATE == pytest.approx(call.report.duration_s, abs=0.3)
    later_ms = []
    for utterance in call.report.utterances:
        start, end = round(utterance.started_s * SAMPLE_RATE), round(utterance.ended_s * SAMPLE_RATE)
        assert read_mark(both[start:end, 0]) == code_of(utterance.text)
        after = both[end : end + 2 * SAMPLE_RATE, 1]
        loud = [at for at in range(0, len(after) - 320, 320) if rms(after[at : at + 320]) > SPEECH_RMS]
        assert utterance.reply_latency_ms is not None
        later_ms.append(utterance.reply_latency_ms - loud[0] / SAMPLE_RATE * 1000)
    # A frame that the machine holds back is heard late, and has its place in the recording all the same.
    assert min(later_ms) >= -60
    assert statistics.median(later_ms) <= 60


async def test_an_interruption_is_timed_from_the_callers_first_sample(place: Place) -> None:
    call = await place(
        """
    - say: "Tell me everything you know."
    - interrupt: {after_ms: 400, say: "Wait."}
    - wait_for_reply: {timeout_s: 5, silence_ms: 350}
""",
        agent={"greeting_s": 0, "reply_s": 1.5, "reply_after_s": 1.5},
    )
    first, second = call.report.utterances
    assert (first.interrupts, second.interrupts) == (False, True)
    assert first.reply_lasted_ms is not None
    assert 400 <= first.reply_lasted_ms < 900
    # this agent does not yield: it speaks to its end, which comes to the ear a moment later
    assert second.silent_after_ms is not None
    silent_at = call.origin + second.started_s + second.silent_after_ms / 1000
    assert 0 < silent_at - call.agent.said[0].ended_at < 0.25
    assert [event.silent_after_ms for event in call.events if event.kind == "interrupted"] == [second.silent_after_ms]
    assert second.reply_heard
    assert call.report.every_reply_heard


GOODBYE = """
    - say: "Thank you, goodbye."
    - wait_for_reply: {timeout_s: 5}
    - stay_silent: {seconds: 10}
    - say: "Hello? Are you there?"
"""


async def test_an_agent_that_hangs_up_after_goodbye_ends_the_call_as_planned(place: Place) -> None:
    rules = "[{when: [goodbye], say: Goodbye., call: {name: end_call}}]"
    call = await place(GOODBYE, agent={"greeting_s": 0, "hang_up_after": 1}, rules=rules)
    assert call.report.ended_by == "agent"
    assert call.report.completed
    assert call.report.every_reply_heard
    assert len(call.report.utterances) == 1


async def test_an_agent_that_hangs_up_for_no_reason_breaks_the_call(place: Place) -> None:
    call = await place(GOODBYE, agent={"greeting_s": 0, "hang_up_after": 1})
    assert call.report.ended_by == "agent"
    assert not call.report.completed


async def test_a_missing_reply_is_noticed(place: Place) -> None:
    steps = """
    - wait_for_reply: {timeout_s: 5, silence_ms: 350}
    - say: "Yes."
    - wait_for_reply: {timeout_s: 2}
"""
    call = await place(steps, agent={"replies": 0})
    assert call.report.completed
    assert call.report.pickup_ms is not None
    assert not call.report.every_reply_heard
    assert call.report.waits_in_vain == 1
    assert call.report.utterances[0].reply_latency_ms is None


async def test_a_line_that_needs_no_reply_may_stay_without_one(place: Place) -> None:
    call = await place("    - say: 'Wrong number, sorry.'\n    - hang_up\n", agent={"greeting_s": 0})
    assert call.report.every_reply_heard
    assert not call.report.utterances[0].reply_expected


async def test_a_call_that_takes_too_long_is_ended(place: Place) -> None:
    call = await place("    - stay_silent: {seconds: 60}\n", max_seconds=0.5)
    assert call.report.ended_by == "timeout"
    assert not call.report.completed


async def test_a_phone_that_nobody_answers_stops_ringing(livekit: "LiveKitServer") -> None:
    report = await place_call(
        CallerSettings(
            *(livekit.url, livekit.api_key, livekit.api_secret, AGENT, scenario(CONVERSATION)), ring_timeout_s=0.5
        )
    )
    assert not report.answered
    assert report.ended_by == "timeout"
    assert report.pickup_ms is None
    assert report.room.startswith("call-")
    assert not report.every_reply_heard


async def test_calls_side_by_side_keep_apart(place: Place) -> None:
    steps = "    - wait_for_reply: {timeout_s: 10, silence_ms: 350}\n    - say: 'Yes.'\n    - wait_for_reply\n"
    calls = await asyncio.gather(*(place(steps) for _ in range(3)))
    assert all(call.report.every_reply_heard for call in calls)
    assert len({call.report.room for call in calls}) == 3
    assert [len(call.agent.heard) for call in calls] == [1, 1, 1]


async def _call_a_room_that_is_closed_at_once(server: LiveKitAPI, settings: CallerSettings) -> CallReport:
    joined = asyncio.Event()
    calling = asyncio.create_task(place_call(settings, lambda _: joined.set()))
    await joined.wait()
    await server.room.delete_room(DeleteRoomRequest(room=str(settings.room)))
    return await asyncio.wait_for(calling, 20)


async def test_a_room_that_is_closed_while_the_phone_joins_it_ends_the_call(livekit: "LiveKitServer") -> None:
    keys = (livekit.url, livekit.api_key, livekit.api_secret)
    async with LiveKitAPI(*keys) as server:
        for attempt in range(5):
            settings = CallerSettings(*keys, AGENT, scenario(CONVERSATION), room=f"ear-test-closed-{attempt}")
            report = await _call_a_room_that_is_closed_at_once(server, settings)
            assert (report.ended_by, report.end_detail) == ("agent", "ROOM_DELETED")


async def test_a_clip_is_played_over_the_agent_and_its_speech_is_reported_to_the_end(
    place: Place, tmp_path: Path
) -> None:
    clip = tmp_path / "tone.wav"
    clip.write_bytes(wav(tone(0.3)))
    steps = f"""
    - play: {{clip: "{clip}", after_ms: 500}}
    - wait_for_silence: {{silence_ms: 500}}
    - hang_up
"""
    call = await place(steps, agent={"greeting_s": 2.0, "replies": 0})
    report = call.report
    assert report.completed
    (played,) = report.utterances
    assert (played.text, played.interrupts, played.reply_expected) == ("[tone]", True, False)
    (greeting,) = report.agent_spoke
    assert greeting[1] - greeting[0] == pytest.approx(2.0, abs=0.1)
    assert greeting[0] < played.started_s < played.ended_s < greeting[1]
    assert report.agent_pauses == []


async def test_a_phone_that_is_called_rings_and_then_talks_like_one_that_calls(place: Place) -> None:
    call = await place(CONVERSATION, picks_up_after_s=1.0, ring_timeout_s=10)
    answered = next(event for event in call.events if event.kind == "answered")

    assert answered.at_s >= 1.0
    assert call.report.completed
    assert call.report.every_reply_heard
    assert call.agent.caller is not None
    assert call.agent.caller.attributes["sip.callStatus"] == "active"


async def test_a_call_that_is_given_up_while_the_phone_joins_has_joined_and_left(
    livekit: "LiveKitServer", monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[rtc.Room] = []
    connecting = asyncio.Event()

    class Seen(rtc.Room):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

        async def connect(self, *arguments: Any) -> None:
            connecting.set()
            await super().connect(*arguments)

    monkeypatch.setattr("simulator.caller.call.rtc.Room", Seen)
    keys = (livekit.url, livekit.api_key, livekit.api_secret)
    room_name = f"ear-test-{time.monotonic_ns()}"
    placing = asyncio.create_task(place_call(CallerSettings(*keys, AGENT, scenario("    - hang_up"), room=room_name)))
    await connecting.wait()
    placing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await placing

    [room] = made
    assert room.local_participant.identity == identity_of(CALLER)
    assert not room.isconnected()
