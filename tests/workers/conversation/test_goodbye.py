"""How an agent speaks its last words, and what keeps it from hanging up."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pipecat.frames.frames import TTSSpeakFrame

from agents.models import PersonaVersion
from calls.states import EndReason, Status
from workers.conversation import speaking
from workers.conversation.goodbye import Goodbye
from workers.conversation.progress import Ending, Progress
from workers.conversation.speaking import Speaking
from workers.turns.barge_in import BargeIn

WORDS = "Thank you for calling. Goodbye!"


class Voice:
    """Stands for the pipeline and the transport: what is queued is over as soon as `speak` is called."""

    def __init__(self) -> None:
        self.queued: list[str] = []
        self.asked = asyncio.Event()
        self.heard = 0
        self.is_paused = False
        self.is_speaking = False
        self.played_out = asyncio.Event()
        self.played_out.set()

    def pause(self) -> None:
        self.is_paused = True

    async def queue_frame(self, frame: TTSSpeakFrame) -> None:
        self.queued.append(frame.text)
        self.asked.set()

    def output(self) -> "Voice":
        return self

    async def wait_for_playout(self) -> None:
        await self.played_out.wait()
        self.heard += 1


class Agent:
    def __init__(self) -> None:
        self.voice = Voice()
        voice: Any = self.voice
        self.speaking = Speaking(voice, voice)
        self.progress = Progress()
        self.barge_in = BargeIn(voice, "en-US")
        self.goodbye = Goodbye(PersonaVersion(goodbye=WORDS), self.speaking, self.progress, self.barge_in)

    async def speaks(self, talk: Callable[[], Awaitable[None]]) -> None:
        """Begin to talk, and say the first words that are asked for."""
        async with asyncio.timeout(5):
            talking = asyncio.ensure_future(talk())
            await self.voice.asked.wait()
            assert not self.progress.ending.done()
            self.speaking.ended(self.voice.queued[-1], interrupted=False)
            await talking

    def caller_begins(self) -> None:
        """The caller's turn begins."""
        self.speaking.caller_began()
        self.goodbye.caller_began()

    async def is_stopped(self, hanging_up: asyncio.Task[None]) -> None:
        """The caller speaks up: the model's tool is cancelled."""
        self.speaking.caller_began()
        hanging_up.cancel()
        await asyncio.wait([hanging_up])


async def idle() -> None:
    """Let everybody else do what they can do now."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
async def agent(monkeypatch: pytest.MonkeyPatch) -> Agent:
    monkeypatch.setattr(speaking, "TAIL_S", 0.0)
    return Agent()


async def test_the_call_ends_when_the_goodbye_has_been_heard(agent: Agent) -> None:
    await agent.speaks(lambda: agent.goodbye.close(EndReason.SILENCE))

    assert agent.progress.ending.result() == Ending(Status.COMPLETED, EndReason.SILENCE)
    assert (agent.voice.queued, agent.voice.heard) == ([WORDS], 1)


async def test_a_silent_caller_who_speaks_up_during_the_goodbye_is_answered(agent: Agent) -> None:
    async with asyncio.timeout(5):
        talking = asyncio.ensure_future(agent.goodbye.close(EndReason.SILENCE))
        await agent.voice.asked.wait()
        agent.caller_begins()
        agent.speaking.ended("Thank you for", interrupted=True)
        await idle()
        assert agent.progress.closing  # it might be a cough
        agent.goodbye.caller_said("Ja.")
        await talking

    assert (agent.progress.closing, agent.progress.ending.done()) == (False, False)
    assert (agent.barge_in.taking_leave, agent.barge_in.any_word_interrupts) == (False, False)


async def test_a_silent_caller_whose_words_drop_the_goodbye_is_answered_and_kept(agent: Agent) -> None:
    async with asyncio.timeout(5):
        talking = asyncio.ensure_future(agent.goodbye.close(EndReason.SILENCE))
        await agent.voice.asked.wait()
        assert agent.barge_in.any_word_interrupts
        agent.caller_begins()  # before the voice has begun, so that nobody says that it was interrupted
        agent.goodbye.caller_said("I am here.")
        agent.speaking.ended("Good! How can I help?", interrupted=False)
        await talking

    assert (agent.progress.closing, agent.progress.ending.done()) == (False, False)


async def test_a_silent_caller_who_tells_a_long_story_is_listened_to(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "LAST_WORDS_S", 0.0)
    agent.caller_begins()
    async with asyncio.timeout(5):
        await agent.goodbye.close(EndReason.SILENCE)

    assert (agent.progress.closing, agent.progress.ending.done()) == (False, False)


async def test_a_silent_caller_who_only_coughs_is_hung_up_on(agent: Agent) -> None:
    async with asyncio.timeout(5):
        talking = asyncio.ensure_future(agent.goodbye.close(EndReason.SILENCE))
        await agent.voice.asked.wait()
        agent.caller_begins()
        agent.speaking.ended("Thank you for", interrupted=True)
        agent.goodbye.caller_said("")
        await talking

    assert agent.progress.ending.result() == Ending(Status.COMPLETED, EndReason.SILENCE)


async def test_goodbye_is_said_once(agent: Agent) -> None:
    agent.progress.closing = True
    await agent.goodbye.close(EndReason.MAX_DURATION)

    assert (agent.voice.queued, agent.progress.ending.done()) == ([], False)


async def test_a_call_whose_longest_duration_ends_while_the_agent_takes_leave_ends_after_that(
    agent: Agent,
) -> None:
    agent.speaking.ended("See you!", interrupted=False)
    agent.voice.played_out.clear()
    hanging_up = asyncio.create_task(agent.goodbye.hang_up())
    await asyncio.sleep(0)
    ending = asyncio.create_task(agent.goodbye.end_in_time())
    await asyncio.sleep(0)
    await agent.is_stopped(hanging_up)
    agent.voice.played_out.set()
    async with asyncio.timeout(5):
        await ending

    assert agent.progress.ending.result() == Ending(Status.COMPLETED, EndReason.MAX_DURATION)


async def test_a_call_whose_longest_duration_ends_during_a_hand_over_that_fails_ends_here(agent: Agent) -> None:
    agent.progress.closing = True
    ending = asyncio.create_task(agent.goodbye.end_in_time())
    await asyncio.sleep(0)
    assert agent.voice.queued == []
    agent.progress.closing = False
    await agent.speaks(lambda: ending)

    assert agent.progress.ending.result() == Ending(Status.COMPLETED, EndReason.MAX_DURATION)


async def test_the_models_own_goodbye_is_waited_for(agent: Agent) -> None:
    agent.speaking.ended("See you on Monday!", interrupted=False)
    await agent.goodbye.hang_up()

    assert agent.progress.ending.result() == Ending(Status.COMPLETED, EndReason.AGENT_GOODBYE)
    assert (agent.voice.queued, agent.voice.heard) == ([], 1)


async def test_a_long_farewell_of_the_model_is_followed_by_no_other(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "LAST_WORDS_S", 0.0)
    agent.voice.is_speaking = True
    async with asyncio.timeout(5):
        hanging_up = asyncio.create_task(agent.goodbye.hang_up())
        await idle()
        agent.speaking.ended("Your table for four is booked for Monday at eight. Goodbye!", interrupted=False)
        await hanging_up

    assert agent.voice.queued == []


async def test_a_model_that_hangs_up_without_a_word_has_the_goodbye_said(agent: Agent) -> None:
    agent.speaking.ended("", interrupted=False)
    await agent.speaks(agent.goodbye.hang_up)

    assert agent.voice.queued == [WORDS]
    assert agent.progress.ending.done()


async def test_a_caller_who_speaks_up_meanwhile_keeps_the_call(agent: Agent) -> None:
    agent.speaking.ended("See you!", interrupted=False)
    agent.speaking.caller_began()
    hanging_up = asyncio.create_task(agent.goodbye.hang_up())
    await asyncio.sleep(0)
    assert agent.progress.closing
    hanging_up.cancel()
    await asyncio.wait([hanging_up])

    assert (agent.progress.closing, agent.progress.ending.done()) == (False, False)


async def test_words_that_are_never_said_keep_nobody_waiting(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaking, "LAST_WORDS_S", 0.0)
    async with asyncio.timeout(5):
        await agent.goodbye.close(EndReason.MAX_DURATION)

    assert agent.progress.ending.result() == Ending(Status.COMPLETED, EndReason.MAX_DURATION)


async def test_a_goodbye_that_cannot_be_said_ends_the_call_all_the_same(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_words: str) -> None:
        raise RuntimeError("the pipeline has ended")

    monkeypatch.setattr(agent.speaking, "say_and_wait", fail)
    await agent.goodbye.close(EndReason.MAX_DURATION)

    assert agent.progress.ending.result() == Ending(Status.COMPLETED, EndReason.MAX_DURATION)


async def test_an_interrupted_reply_is_not_an_answer(agent: Agent) -> None:
    agent.speaking.caller_began()
    agent.speaking.began()
    agent.speaking.ended("The first half", interrupted=True)
    assert (agent.speaking.stopped.is_set(), agent.speaking.answered.is_set()) == (True, False)

    agent.speaking.began()
    assert not agent.speaking.stopped.is_set()
    agent.speaking.ended("The whole of it.", interrupted=False)
    assert (agent.speaking.answered.is_set(), agent.speaking.last_reply) == (True, "The whole of it.")


async def test_a_turn_that_was_asked_for_before_does_not_cut_the_last_words_short(agent: Agent) -> None:
    async with asyncio.timeout(5):
        talking = asyncio.ensure_future(agent.goodbye.close(EndReason.SILENCE))
        await agent.voice.asked.wait()
        agent.speaking.began()
        agent.speaking.ended("One moment, please.", interrupted=False)
        await idle()
        assert not agent.progress.ending.done()

        agent.speaking.began()
        agent.speaking.ended("Thank you for calling.  Goodbye !", interrupted=False)
        await talking
    assert agent.progress.ending.done()


@pytest.fixture
async def hanging_up(agent: Agent) -> asyncio.Task[None]:
    """The model's goodbye has been heard, and the agent is about to hang up."""
    agent.speaking.ended("See you on Monday!", interrupted=False)
    agent.voice.played_out.clear()
    hanging_up = asyncio.create_task(agent.goodbye.hang_up())
    await asyncio.sleep(0)
    assert agent.barge_in.taking_leave
    return hanging_up


@pytest.mark.parametrize("answer", ["Bye, bye!", "Thank you, you too.", ""], ids=["goodbye", "thanks", "a cough"])
async def test_a_caller_who_answers_the_goodbye_hears_no_second_one(
    agent: Agent, hanging_up: asyncio.Task[None], answer: str
) -> None:
    await agent.is_stopped(hanging_up)
    assert not agent.barge_in.taking_leave
    agent.goodbye.caller_said(answer)

    assert agent.progress.ending.result() == Ending(Status.COMPLETED, EndReason.AGENT_GOODBYE)
    assert (agent.voice.queued, agent.voice.is_paused) == ([], True)


async def test_a_caller_who_has_another_question_after_the_goodbye_is_answered(
    agent: Agent, hanging_up: asyncio.Task[None]
) -> None:
    await agent.is_stopped(hanging_up)
    agent.goodbye.caller_said("Wait, what about Tuesday?")
    assert not agent.progress.ending.done()

    agent.goodbye.caller_said("Bye.")  # to which the model may say what it likes
    assert not agent.progress.ending.done()


async def test_a_goodbye_of_which_nothing_was_heard_is_said_again(agent: Agent) -> None:
    agent.speaking.caller_began()
    hanging_up = asyncio.create_task(agent.goodbye.hang_up())
    await asyncio.sleep(0)
    await agent.is_stopped(hanging_up)
    agent.goodbye.caller_said("Bye.")
    assert not agent.progress.ending.done()


@pytest.mark.parametrize("said", [WORDS, "It was a pleasure. Have a nice day!"])
@pytest.mark.parametrize("reply", ["", "Bye."], ids=["and nothing more", "and the caller took leave, too"])
async def test_a_model_that_said_goodbye_before_it_hangs_up_says_it_once(agent: Agent, said: str, reply: str) -> None:
    agent.speaking.ended(said, interrupted=False)
    if reply:
        agent.speaking.caller_began()
        agent.goodbye.caller_said(reply)
    agent.speaking.ended("", interrupted=False)  # the model's next answer: end_call, without a word
    await agent.goodbye.hang_up()

    assert agent.voice.queued == []
    assert agent.progress.ending.result() == Ending(Status.COMPLETED, EndReason.AGENT_GOODBYE)


async def test_a_call_that_ends_for_another_reason_just_after_a_goodbye_hears_no_second_one(agent: Agent) -> None:
    agent.speaking.ended("Thank you, goodbye.", interrupted=False)
    await agent.goodbye.close(EndReason.MAX_DURATION)

    assert agent.voice.queued == []
    assert agent.progress.ending.result() == Ending(Status.COMPLETED, EndReason.MAX_DURATION)
