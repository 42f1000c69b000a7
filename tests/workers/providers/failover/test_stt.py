"""A recognizer that fails while the caller speaks: another one hears everything that was said."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    InputAudioRawFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection
from pytest_django import Settings

from agents.choices import TurnPolicy
from agents.models import PersonaVersion
from simulator.app import running_simulator
from tests.simulator.conftest import SECOND, say
from tests.sink import Sink, running
from tests.workers.providers.replying import use_simulator
from workers.providers import circuits, services
from workers.providers.failover import outage
from workers.providers.failover.stt import FailoverSTT
from workers.providers.recognizer import TranscriptCompleteFrame

HOURS = "Hello, could you tell me your opening hours, please?"
FRAME = 1024  # bytes: 32 ms
EAGER: tuple[dict[str, str], str, str] = ({}, "flux-general-en", "nova-3-general")
LOCAL = ({"turn_policy": TurnPolicy.SILENCE, "stt_model": "nova-3-general"}, "nova-3-general", "nova-2-general")


ASSEMBLYAI = {"provider": "assemblyai", "model": "universal-3-6-pro"}
NOVA = {"provider": "deepgram", "model": "nova-3-general"}
TO_ASSEMBLYAI: dict[str, Any] = {"stt_fallbacks": [ASSEMBLYAI]}
FROM_ASSEMBLYAI = {"stt_provider": "assemblyai", "stt_model": "universal-3-6-pro", "stt_fallbacks": [NOVA]}


@pytest.fixture(autouse=True)
def fresh_health(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuits, "providers", circuits.Health())


@dataclass
class Hearing:
    """A recognizer with its providers simulated; `failovers` are (failed model, next model, why), `deaf` models that
    were replaced for it.
    """

    url: str
    worker: PipelineWorker
    stt: FailoverSTT
    down: Sink
    up: Sink
    failovers: list[tuple[str, str, str]]
    deaf: list[str]

    async def hear(self, pcm: bytes) -> None:
        """Play this to the recognizer, as fast as a telephone does."""
        for start in range(0, len(pcm), FRAME):
            frame = InputAudioRawFrame(pcm[start : start + FRAME], sample_rate=16000, num_channels=1)
            await self.worker.queue_frame(frame)
            await asyncio.sleep(FRAME / 32000)

    async def fault(self, **fault: Any) -> None:
        async with httpx.AsyncClient() as control:
            (await control.put(f"{self.url}/control/faults", json={"stage": "stt", **fault})).raise_for_status()


@asynccontextmanager
async def hearing(settings: Settings, values: dict[str, Any], **fault: Any) -> AsyncIterator[Hearing]:
    async with running_simulator() as url:
        use_simulator(settings, url)
        stt = services.make_stt(PersonaVersion(prompt="You sell bread.", voice_id="rachel", number=1, **values))
        failovers: list[tuple[str, str, str]] = []

        async def note(_service: Any, failed: Any, taken: Any, why: str) -> None:
            failovers.append((failed.model, taken.model, why))

        deaf: list[str] = []

        async def note_deaf(_service: Any, target: Any) -> None:
            deaf.append(target.model)

        stt.add_event_handler("on_failover", note)
        stt.add_event_handler("on_deaf", note_deaf)
        up, down = Sink(), Sink()
        if fault:
            async with httpx.AsyncClient() as control:
                (await control.put(f"{url}/control/faults", json={"stage": "stt", **fault})).raise_for_status()
        async with running(up, stt, down) as worker:
            yield Hearing(url, worker, stt, down, up, failovers, deaf)


@pytest.mark.parametrize(
    ("values", "own", "other"),
    [
        EAGER,
        LOCAL,
        (TO_ASSEMBLYAI, "flux-general-en", "universal-3-6-pro"),
        ({**LOCAL[0], **TO_ASSEMBLYAI}, "nova-3-general", "universal-3-6-pro"),
        (FROM_ASSEMBLYAI, "universal-3-6-pro", "nova-3-general"),
        ({**FROM_ASSEMBLYAI, "turn_policy": TurnPolicy.SILENCE}, "universal-3-6-pro", "nova-3-general"),
    ],
    ids=["eager", "local", "eager to other", "local to other", "eager from other", "local from other"],
)
@pytest.mark.parametrize("fault", [{"kind": "close_after", "after_s": 0}, {"kind": "hang"}], ids=["close", "hang"])
async def test_what_was_said_before_and_after_the_failure_is_understood_once(
    settings: Settings, values: dict[str, Any], own: str, other: str, fault: dict[str, Any]
) -> None:
    async with hearing(settings, values) as heard:
        speech = await say(HOURS)
        await heard.hear(SECOND + speech[: FRAME * 20])
        await heard.fault(model=own, **fault)
        await heard.hear(speech[FRAME * 20 :] + SECOND[:9600])
        await heard.worker.queue_frame(VADUserStoppedSpeakingFrame())
        listening = asyncio.create_task(heard.hear(SECOND * 10))
        transcription = await heard.down.until(TranscriptionFrame)
        if "turn_policy" not in values:
            await heard.down.until(ProposedUserStoppedSpeakingFrame)
        listening.cancel()
        assert transcription.text == HOURS
        assert [frame.text for frame in heard.down.of(TranscriptionFrame)] == [HOURS]
        assert [failover[:2] for failover in heard.failovers] == [(own, other)]
        assert not heard.up.of(ErrorFrame)


@pytest.mark.parametrize("by_another", [False, True], ids=["anew", "another"])
@pytest.mark.parametrize(
    ("values", "own", "other"),
    [EAGER, LOCAL, (FROM_ASSEMBLYAI, "universal-3-6-pro", "nova-3-general")],
    ids=["eager", "local", "assemblyai"],
)
async def test_what_a_deaf_recognizer_heard_is_understood_once(
    settings: Settings, values: dict[str, Any], own: str, other: str, by_another: bool
) -> None:
    async with hearing(settings, values, kind="deaf", count=1) as heard:
        await heard.hear(SECOND + await say(HOURS) + SECOND[:9600])
        await heard.worker.queue_frame(VADUserStoppedSpeakingFrame())
        await heard.hear(SECOND)
        assert not heard.down.of(TranscriptionFrame)
        assert not heard.failovers  # it gives every sign of life

        assert heard.stt.replace_deaf(by_another=by_another)
        assert not heard.stt.replace_deaf(by_another=by_another)  # one at a time
        listening = asyncio.create_task(heard.hear(SECOND * 10))
        assert (await heard.down.until(TranscriptionFrame)).text == HOURS
        listening.cancel()

        assert len(heard.down.of(TranscriptionFrame)) == 1
        assert heard.deaf == [own]
        assert [failover[:2] for failover in heard.failovers] == [(own, other)] * by_another
        assert not heard.up.of(ErrorFrame)


async def test_only_words_that_another_one_finds_prove_that_a_recognizer_was_deaf(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller who says no words must not send the calls of the whole process elsewhere."""
    failed: list[str] = []
    monkeypatch.setattr(circuits.providers, "failed", lambda target: failed.append(target.model))
    async with hearing(settings, EAGER[0]) as heard:
        await heard.hear(SECOND)
        for by_another in (False, True, True, True):
            assert heard.stt.replace_deaf(by_another=by_another)
            await heard.hear(SECOND)
        assert failed == []
        assert heard.stt.target.model == EAGER[2]

        await heard.hear(await say(HOURS) + SECOND)
        assert (await heard.down.until(TranscriptionFrame)).text == HOURS
        assert failed == [EAGER[1]]


async def test_a_recognizer_whose_words_another_agent_hears_is_not_called_deaf(settings: Settings) -> None:
    async with hearing(settings, EAGER[0]) as heard:
        heard.stt.keep()
        await heard.hear(SECOND)
        assert not heard.stt.replace_deaf(by_another=False)
        assert heard.deaf == []


async def test_each_provider_is_billed_for_as_long_as_it_listened(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    billed: list[tuple[str, float]] = []
    monkeypatch.setattr("workers.metrics.transcribed", lambda provider, seconds: billed.append((provider, seconds)))
    async with hearing(settings, {**LOCAL[0], **TO_ASSEMBLYAI}) as heard:
        await heard.hear(SECOND)
        await heard.fault(model="nova-3-general", kind="close_after", after_s=0)
        await heard.hear(SECOND * 3)

    (first, first_s), (second, second_s) = billed
    assert (first, second) == ("deepgram", "assemblyai")
    assert first_s >= 1
    assert second_s >= 1


async def test_a_turn_whose_recognizer_fails_does_not_wait_for_its_end(settings: Settings) -> None:
    """The next one may find no words in what it hears again: then nobody would ever end the turn."""
    async with hearing(settings, EAGER[0]) as heard:
        listening = asyncio.create_task(heard.hear(SECOND + await say(HOURS) + SECOND))
        await heard.down.until(ProposedUserStartedSpeakingFrame)
        await heard.fault(model=EAGER[1], kind="close_after", after_s=0)
        await heard.down.until(ProposedUserStartedSpeakingFrame, 2)
        kinds = (ProposedUserStartedSpeakingFrame, ProposedUserStoppedSpeakingFrame)
        announced = [type(frame) for frame in heard.down.frames if isinstance(frame, kinds)]
        assert announced == [kinds[0], kinds[1], kinds[0]]
        await heard.down.until(ProposedUserStoppedSpeakingFrame, 2)
        await listening
        assert [frame.text for frame in heard.down.of(TranscriptionFrame)] == [HOURS]


@pytest.mark.parametrize("kind", ["refuse", "500", "garbage"])
async def test_a_recognizer_that_fails_at_once_is_replaced_before_anybody_speaks(settings: Settings, kind: str) -> None:
    async with hearing(settings, {}, kind=kind, model="flux-general-en") as heard:
        await heard.hear(SECOND + await say(HOURS) + SECOND)
        assert (await heard.down.until(TranscriptionFrame)).text == HOURS
        assert [failover[:2] for failover in heard.failovers] == [("flux-general-en", "nova-3-general")]


async def test_a_caller_who_makes_noise_is_no_reason_to_replace_the_recognizer(settings: Settings) -> None:
    async with hearing(settings, {}) as heard:
        noise = (b"\x00\x10" * 8 + b"\x00\xf0" * 8) * 6000
        await heard.hear(noise)
        assert not heard.failovers


async def test_a_short_outage_of_every_recognizer_loses_no_word(settings: Settings) -> None:
    async with hearing(settings, LOCAL[0], kind="refuse", count=3) as heard:
        await heard.hear(SECOND + await say(HOURS) + SECOND[:9600])
        await heard.worker.queue_frame(VADUserStoppedSpeakingFrame())
        assert (await heard.down.until(TranscriptionFrame)).text == HOURS
        assert not heard.up.of(ErrorFrame)


async def test_recognizers_that_are_cut_off_now_and_then_while_nobody_speaks_take_turns(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "TRIES_FOR_S", 0.3)
    async with hearing(settings, LOCAL[0]) as heard:
        for cuts in (1, 2, 3):
            await heard.fault(kind="close_after", after_s=0, count=1)
            await heard.hear(SECOND)
            assert len(heard.failovers) == cuts
        await heard.hear(await say(HOURS) + SECOND[:9600])
        await heard.worker.queue_frame(VADUserStoppedSpeakingFrame())
        assert (await heard.down.until(TranscriptionFrame)).text == HOURS


async def test_a_call_that_ends_during_an_outage_leaves_nothing_behind(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_have_failed = asyncio.Event()
    failed: list[Any] = []

    def note(target: Any) -> None:
        failed.append(target)
        if len(failed) == 2:
            all_have_failed.set()

    monkeypatch.setattr(outage, "AGAIN_AFTER_S", 60.0)
    monkeypatch.setattr(circuits.providers, "failed", note)
    async with hearing(settings, LOCAL[0], kind="refuse"):
        await asyncio.wait_for(all_have_failed.wait(), 10)

    assert not [task for task in asyncio.all_tasks() if "failover" in task.get_name()]


async def test_when_no_recognizer_is_left_an_error_says_so(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "TRIES_FOR_S", 0.0)
    async with hearing(settings, {}, kind="refuse") as heard:
        error = await heard.up.until(ErrorFrame)
        assert "no recognizer is left" in error.error
        assert not heard.stt.is_usable


async def test_anothers_failure_passes_and_is_not_mistaken_for_the_recognizers(settings: Settings) -> None:
    async with hearing(settings, {}) as heard:
        voice = Sink()
        await heard.stt.queue_frame(ErrorFrame("no voice is left", processor=voice), FrameDirection.UPSTREAM)
        error = await heard.up.until(ErrorFrame)
        assert error.processor is voice
        assert not heard.failovers


@pytest.mark.parametrize("values", [EAGER[0], LOCAL[0]], ids=["eager", "local"])
async def test_what_one_agent_keeps_another_one_understands_once(settings: Settings, values: dict[str, str]) -> None:
    speech = await say(HOURS)
    async with hearing(settings, values) as former, hearing(settings, values) as successor:
        former.stt.keep()
        successor.stt.keep()
        await former.hear(SECOND + speech)
        await successor.hear(speech[-FRAME * 20 :])  # it came in the middle of the sentence
        await successor.stt.resume(former.stt.kept())
        await successor.hear(SECOND[:9600])
        await successor.worker.queue_frame(VADUserStoppedSpeakingFrame())
        listening = asyncio.create_task(successor.hear(SECOND * 10))
        assert (await successor.down.until(TranscriptionFrame)).text == HOURS
        listening.cancel()
        assert len(successor.down.of(TranscriptionFrame)) == 1
        assert not former.down.of(TranscriptionFrame)


async def test_without_another_agent_its_own_ear_counts(settings: Settings) -> None:
    async with hearing(settings, EAGER[0]) as heard:
        heard.stt.keep()
        await heard.hear(await say(HOURS))
        await heard.stt.resume(None)
        await heard.hear(SECOND)
        assert (await heard.down.until(TranscriptionFrame)).text == HOURS


async def test_a_sound_without_words_is_told_when_the_recognizer_is_asked(settings: Settings) -> None:
    async with hearing(settings, LOCAL[0]) as heard:
        await heard.hear(SECOND[: FRAME * 20])
        await heard.worker.queue_frame(VADUserStartedSpeakingFrame())
        await heard.worker.queue_frame(VADUserStoppedSpeakingFrame())
        await heard.down.until(TranscriptCompleteFrame)
        assert not heard.down.of(TranscriptionFrame)

        listening = asyncio.create_task(heard.hear(await say(HOURS) + SECOND[:9600]))
        await heard.stt.service.ask_for_sign()  # which is no question about what the caller said
        await listening
        await heard.worker.queue_frame(VADUserStoppedSpeakingFrame())
        await heard.down.until(TranscriptionFrame)
        assert len(heard.down.of(TranscriptCompleteFrame)) == 1


async def test_noise_in_which_assemblyai_finds_no_words_is_no_failure(settings: Settings) -> None:
    async with hearing(settings, FROM_ASSEMBLYAI) as heard:
        heard.stt.service.DOUBT_AFTER_S = 0.2
        answered_at = heard.stt.service.answered_at
        await heard.hear(_noise(1.0) + SECOND)
        assert heard.stt.service.answered_at > answered_at  # it was asked for a sign
        assert heard.failovers == []


def _noise(seconds: float) -> bytes:
    """As loud as speech, and no words: a cough, a door."""
    samples = np.random.default_rng(1).integers(-6000, 6000, round(16000 * seconds), dtype=np.int16)
    return samples.tobytes()
