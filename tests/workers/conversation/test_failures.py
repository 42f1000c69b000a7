"""Replies that fail: the caller is asked again once, then transferred or given a goodbye."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from pipecat.frames.frames import ErrorFrame

from agents.models import PersonaVersion
from agents.phrases import phrases_of
from calls.livekit import rooms
from calls.models import Call
from calls.states import EndReason, Status
from workers.conversation import answer_timer
from workers.conversation.failures import Failures
from workers.conversation.progress import Ending, Progress
from workers.process.background import Background
from workers.providers.targets import Target

OPERATOR = "+12025550123"
ENGLISH = phrases_of(PersonaVersion())


class Announcer:
    """Stands for a pipeline's service or worker: what has been registered there can be told."""

    is_down = False
    is_usable = True

    def __init__(self) -> None:
        self._handlers: dict[str, Callable[..., Awaitable[None]]] = {}

    def add_event_handler(self, name: str, handler: Callable[..., Awaitable[None]]) -> None:
        self._handlers[name] = handler

    async def tell(self, name: str, *details: Any) -> None:
        await self._handlers[name](self, *details)


class Said:
    """Takes what is to be said, which is heard at once."""

    is_heard = False

    def __init__(self) -> None:
        self.words: list[str] = []

    async def say(self, words: str) -> None:
        self.words.append(words)

    say_and_wait = say


class Failing:
    """A call that has begun, without media."""

    def __init__(self, transfer_number: str = "") -> None:
        self.worker, self.stt, self.llm, self.tts = Announcer(), Announcer(), Announcer(), Announcer()
        self.said, self.recorder, self.background = Said(), Mock(), Background()
        self.progress = Progress()
        self.progress.begun = True
        parts: dict[str, Any] = {
            "call": Call(room_name="call-1", caller_identity="sip_1"),
            "version": PersonaVersion(transfer_number=transfer_number),
            "pipeline": SimpleNamespace(stt=self.stt, llm=self.llm, tts=self.tts),
            "recorder": self.recorder,
            "progress": self.progress,
            "speaking": self.said,
            "background": self.background,
        }
        self.failures = Failures(**parts)
        worker: Any = self.worker
        self.failures.listen(worker)

    async def fail(self, service: Announcer | None = None, error: str = "status 500") -> None:
        processor: Any = service
        await self.worker.tell("on_pipeline_error", ErrorFrame(error, processor=processor))

    async def end(self) -> Ending:
        async with asyncio.timeout(5):
            ending = await self.progress.ending
        assert isinstance(ending, Ending)
        return ending

    def stop(self) -> None:
        self.failures.answer_timer.stop()
        self.background.cancel()

    @property
    def events(self) -> list[str]:
        return [call.args[0] for call in self.recorder.event.call_args_list]


@pytest.fixture
async def call() -> AsyncIterator[Failing]:
    made = Failing()
    yield made
    made.stop()


@pytest.fixture
async def transferable() -> AsyncIterator[Failing]:
    made = Failing(OPERATOR)
    yield made
    made.stop()


async def test_the_caller_is_asked_again_after_one_failure_and_given_up_after_two(call: Failing) -> None:
    await call.fail(call.llm)
    assert (call.said.words, call.progress.ending.done()) == ([ENGLISH.say_again], False)

    await call.fail(call.llm, "no model is left")
    assert (await call.end()).reason == EndReason.PROVIDER_FAILURE
    assert (await call.end()).detail.endswith("no model is left")
    assert call.said.words == [ENGLISH.say_again, ENGLISH.goodbye]


async def test_a_reply_in_between_makes_it_the_first_failure_again(call: Failing) -> None:
    await call.fail(call.llm)
    await call.llm.tell("on_answered")
    await call.fail(call.llm)

    assert call.said.words == [ENGLISH.say_again] * 2
    assert not call.failures.too_many


async def test_a_deaf_recognizer_and_a_mute_voice_are_recorded_and_fail_no_reply(call: Failing) -> None:
    await call.stt.tell("on_deaf", Target("stt", "deepgram", "flux-general-en", "https://stt.example", "key"))
    await call.tts.tell("on_mute", Target("tts", "elevenlabs", "eleven_flash_v2_5", "https://tts.example", "key"))

    assert [(noted.args, noted.kwargs) for noted in call.recorder.event.call_args_list] == [
        (("recognizer_deaf",), {"stage": "stt", "provider": "deepgram", "target": "flux-general-en at stt.example"}),
        (("voice_mute",), {"stage": "tts", "provider": "elevenlabs", "target": "eleven_flash_v2_5 at tts.example"}),
    ]
    assert call.said.words == []
    assert not call.failures.too_many


async def test_nothing_is_said_by_a_voice_that_fails_but_the_answer_is_waited_for(
    call: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_timer, "ANSWER_WITHIN_S", 0.0)
    await call.fail(call.tts)
    assert call.said.words == []

    assert (await call.end()).status == Status.FAILED
    assert call.said.words == [ENGLISH.goodbye]


@pytest.mark.parametrize(("stage", "attribute"), [("stt", "is_usable"), ("tts", "is_down")])
async def test_who_can_no_longer_be_used_ends_the_call_at_once(call: Failing, stage: str, attribute: str) -> None:
    service = getattr(call, stage)
    setattr(service, attribute, attribute == "is_down")
    await call.fail(service)

    assert (await call.end()).reason == EndReason.PROVIDER_FAILURE


async def test_before_the_conversation_failures_are_only_counted(call: Failing) -> None:
    call.progress.begun = False
    await call.fail(call.llm)
    assert not call.failures.too_many

    await call.fail(call.llm)
    assert call.failures.too_many
    assert (call.said.words, call.progress.ending.done()) == ([], False)


async def test_while_the_agent_says_goodbye_no_failure_is_spoken_of(call: Failing) -> None:
    call.progress.closing = True
    for _ in range(3):
        await call.fail(call.llm)
    await call.failures.give_up("llm: status 500")

    assert (call.said.words, call.progress.ending.done()) == ([], False)


async def test_a_reply_that_does_not_come_is_a_failure_and_one_that_comes_is_none(
    call: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_timer, "ANSWER_WITHIN_S", 0.0)
    call.failures.answer_timer.start()
    call.failures.answer_timer.stop()
    for _ in range(3):
        await asyncio.sleep(0)
    assert call.said.words == []

    for _ in range(2):
        call.failures.answer_timer.start()
        for _ in range(3):
            await asyncio.sleep(0)
    assert (await call.end()).detail == "no reply within 10 s"


async def test_no_reply_is_missed_while_the_agent_is_still_speaking(
    call: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_timer, "ANSWER_WITHIN_S", 0.0)
    call.said.is_heard = True
    call.failures.answer_timer.start()
    for _ in range(10):
        await asyncio.sleep(0)
    assert call.said.words == []

    call.said.is_heard = False
    for _ in range(10):
        await asyncio.sleep(0)
    assert call.said.words[0] == ENGLISH.say_again


async def test_the_wait_begins_again_when_the_agent_has_said_that_it_looks(
    call: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    timer = call.failures.answer_timer
    timer.start_again()
    assert timer._handle is None  # nobody waits

    timer.start()
    first = timer._handle
    timer.start_again()
    assert first is not None
    assert first.cancelled()
    assert timer._handle is not None


async def test_a_caller_is_transferred_and_its_leaving_is_no_hanging_up(
    transferable: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    async def transfer(*whom: str) -> None:
        asked.append((*whom, "leaving" if transferable.progress.transferring else "staying"))

    monkeypatch.setattr(rooms, "transfer", transfer)
    await transferable.failures.give_up("llm: status 500")

    assert asked == [("call-1", "sip_1", OPERATOR, "leaving")]
    assert await transferable.end() == Ending(
        Status.FAILED, EndReason.PROVIDER_FAILURE, "transferred, because llm: status 500"
    )
    assert (transferable.said.words, transferable.events) == ([ENGLISH.connecting], ["transferred"])


async def test_a_transfer_that_fails_is_recorded_and_the_caller_hears_a_goodbye(
    transferable: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def transfer(*_: str) -> None:
        raise TimeoutError("nobody answers")

    monkeypatch.setattr(rooms, "transfer", transfer)
    await transferable.failures.give_up("llm: status 500")

    assert (await transferable.end()).detail == "llm: status 500"
    assert (transferable.said.words, transferable.events) == (
        [ENGLISH.connecting, ENGLISH.goodbye],
        ["transfer_failed"],
    )
    assert not transferable.progress.transferring
