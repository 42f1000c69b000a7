"""A reply to a predicted end of turn: spoken at once, heard when the turn is confirmed, gone when it is not."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pytest_django import Settings

from agents.models import PersonaVersion
from simulator.app import running_simulator
from tests.sink import Sink, running
from workers.providers import services
from workers.providers.failover.tts import FailoverTTS
from workers.providers.speech.cached_lines import CallLines
from workers.tools import functions

SCENARIO = """
name: held
caller:
  steps: [hang_up]
agent:
  default: "Could you say it again?"
  rules:
    - when: [hours]
      say: "We are open from nine to five."
    - when: [everything]
      say: "We are open from nine to five. On Saturdays we are open from ten to two. On Sundays we are closed."
    - when: [bread]
      say: "We have rye and wheat."
    - when: [goodbye]
      say: "Thank you for calling. Goodbye."
      call: {name: end_call, arguments: {reason: "done"}}
"""


@dataclass
class Agent:
    """Language model and voice with their providers simulated; `said` is what leaves towards the caller."""

    worker: PipelineWorker
    tts: FailoverTTS
    holds: asyncio.Event
    said: Sink

    async def answer(self, words: str, *, speculation: bool) -> None:
        await self.worker.queue_frame(_asked(words, speculation=speculation))

    async def hold(self, words: str) -> None:
        """Answer a turn that may go on, and wait until its speech is there."""
        await self.worker.queue_frame(UserStartedSpeakingFrame())
        await self.said.until(UserStartedSpeakingFrame)
        self.holds.clear()
        await self.answer(words, speculation=True)
        async with asyncio.timeout(15):
            await self.holds.wait()


def _asked(words: str, *, speculation: bool) -> LLMContextFrame:
    context = LLMContext([{"role": "user", "content": words}], tools=functions.schema([]))
    return LLMContextFrame(context=context, speculation=speculation)


@pytest.fixture
async def agent(settings: Settings) -> AsyncIterator[Agent]:
    async with running_simulator() as url:
        settings.OPENAI_BASE_URL, settings.ELEVENLABS_BASE_URL = f"{url}/v1", url
        async with httpx.AsyncClient() as control:
            (await control.put(f"{url}/control/scenario", json={"yaml": SCENARIO})).raise_for_status()
        version = PersonaVersion(prompt="You sell bread.", voice_id="JBFqnCBsd6RMkjVDRZzb", number=1)
        llm = services.make_llm(version)
        tts = services.make_tts(version, CallLines(), llm)
        holds, push = asyncio.Event(), tts.push_frame

        async def noted_push(frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
            await push(frame, direction)
            if isinstance(frame, TTSAudioRawFrame):
                holds.set()

        tts.push_frame = noted_push  # type: ignore[method-assign]
        said = Sink()
        async with running(llm, tts, said) as worker:
            yield Agent(worker, tts, holds, said)


async def test_a_held_reply_is_heard_only_when_its_turn_is_confirmed(agent: Agent) -> None:
    await agent.hold("what are your hours")
    assert not agent.said.of(TTSAudioRawFrame)
    assert not agent.said.of(TTSTextFrame)

    await agent.worker.queue_frame(UserStoppedSpeakingFrame())
    await agent.said.until(TTSStoppedFrame)

    assert agent.said.words() == "We are open from nine to five."
    kinds = [type(frame) for frame in agent.said.frames]
    assert kinds.index(UserStoppedSpeakingFrame) < kinds.index(TTSAudioRawFrame)


async def test_the_words_of_a_held_reply_are_timed_from_when_it_is_heard(agent: Agent) -> None:
    await agent.hold("what are your hours")
    confirmed_ns = agent.tts.get_clock().get_time()
    await agent.worker.queue_frame(UserStoppedSpeakingFrame())
    await agent.said.until(TTSStoppedFrame)

    times = [frame.pts for frame in agent.said.of(TTSTextFrame)]
    assert all(at is not None and at >= confirmed_ns for at in times)
    assert times == sorted(times, key=lambda at: at or 0)


async def test_nothing_of_a_withdrawn_reply_is_ever_heard(agent: Agent) -> None:
    await agent.hold("what are your hours")
    await agent.worker.queue_frame(EagerEndOfTurnCancelFrame())
    await agent.said.until(EagerEndOfTurnCancelFrame)
    await agent.hold("what are your hours and have you bread")  # the first rule wins: another rule would hide a leak
    await agent.worker.queue_frame(EagerEndOfTurnCancelFrame())
    await agent.said.until(EagerEndOfTurnCancelFrame, 2)
    await agent.hold("have you bread")
    await agent.worker.queue_frame(UserStoppedSpeakingFrame())
    await agent.said.until(TTSStoppedFrame)

    assert agent.said.words() == "We have rye and wheat."
    assert len(agent.said.of(LLMFullResponseEndFrame)) == 1


async def test_a_speculative_reply_that_wants_a_tool_is_said_once_after_its_turn(agent: Agent) -> None:
    await agent.worker.queue_frame(UserStartedSpeakingFrame())
    await agent.answer("goodbye", speculation=True)
    await agent.said.until(EagerEndOfTurnCancelFrame)  # the model withdraws it by itself

    await agent.worker.queue_frame(UserStoppedSpeakingFrame())
    await agent.said.until(UserStoppedSpeakingFrame)
    await agent.answer("goodbye", speculation=False)
    await agent.said.until(TTSStoppedFrame)

    assert agent.said.words() == "Thank you for calling. Goodbye."


async def test_a_reply_to_a_turn_that_is_over_is_not_held(agent: Agent) -> None:
    await agent.worker.queue_frames([UserStartedSpeakingFrame(), UserStoppedSpeakingFrame()])
    await agent.said.until(UserStoppedSpeakingFrame)
    await agent.answer("have you bread", speculation=False)
    await agent.said.until(TTSStoppedFrame)

    assert agent.said.words() == "We have rye and wheat."


async def test_a_prediction_that_is_withdrawn_takes_nothing_of_a_confirmed_reply(agent: Agent) -> None:
    # A caller who says "yeah, okay" while the agent speaks: no turn begins, but one was predicted to end.
    await agent.worker.queue_frames([UserStartedSpeakingFrame(), UserStoppedSpeakingFrame()])
    await agent.said.until(UserStoppedSpeakingFrame)
    await agent.answer("tell me everything", speculation=False)
    await agent.said.until(TTSAudioRawFrame)

    await agent.worker.queue_frame(EagerEndOfTurnCancelFrame())

    await agent.said.until(LLMFullResponseEndFrame)
    assert agent.said.words().endswith("On Sundays we are closed.")


async def test_a_prediction_that_is_withdrawn_takes_nothing_of_a_line(agent: Agent) -> None:
    # A caller who says "uh" while the greeting is spoken.
    await agent.worker.queue_frame(TTSSpeakFrame("Hello and welcome to the bakery. How can I help you today?"))
    await agent.said.until(TTSAudioRawFrame)

    await agent.worker.queue_frame(EagerEndOfTurnCancelFrame())

    await agent.said.until(TTSStoppedFrame)
    assert agent.said.words().endswith("How can I help you today?")


async def test_a_withdrawal_also_stops_a_reply_that_was_not_begun(agent: Agent) -> None:
    # As on a busy machine: everything waits at once, and what is no data overtakes the rest.
    await agent.worker.queue_frame(UserStartedSpeakingFrame())
    await agent.said.until(UserStartedSpeakingFrame)
    await agent.worker.queue_frames(
        [_asked("what are your hours", speculation=True), EagerEndOfTurnCancelFrame(), UserStoppedSpeakingFrame()]
    )
    await agent.answer("have you bread", speculation=False)
    await agent.said.until(TTSStoppedFrame)

    assert agent.said.words() == "We have rye and wheat."
    assert len(agent.said.of(LLMFullResponseEndFrame)) == 1


async def test_a_withdrawal_stops_what_it_overtakes_though_it_was_made_before(agent: Agent) -> None:
    withdrawal = EagerEndOfTurnCancelFrame()
    await agent.worker.queue_frame(UserStartedSpeakingFrame())
    await agent.said.until(UserStartedSpeakingFrame)
    await agent.worker.queue_frames(
        [_asked("what are your hours", speculation=True), withdrawal, UserStoppedSpeakingFrame()]
    )
    await agent.answer("have you bread", speculation=False)
    await agent.said.until(TTSStoppedFrame)

    assert agent.said.words() == "We have rye and wheat."
    assert len(agent.said.of(LLMFullResponseEndFrame)) == 1
