"""The caller's audio on its way to Flux: at once, and in order also when it has to wait."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from pipecat.frames.frames import ProposedUserStartedSpeakingFrame, TranscriptionFrame
from pipecat.pipeline.worker import PipelineWorker

from simulator.app import running_simulator
from tests.simulator.conftest import SECOND, say
from tests.sink import Sink, running
from workers.media.input import CallerAudio
from workers.providers.deepgram.flux import AudioConnection, Flux

HOURS = "Hello, could you tell me your opening hours, please?"
FRAME = 1024  # bytes: 32 ms


def _audio(pcm: bytes) -> CallerAudio:
    return CallerAudio(user_id="caller", audio=pcm, sample_rate=16_000, num_channels=1)


@asynccontextmanager
async def _hearing() -> AsyncIterator[tuple[Flux, Sink, PipelineWorker]]:
    async with running_simulator() as url:
        address = url.replace("http", "ws", 1) + "/v2/listen"
        flux = Flux(api_key="key", url=address, settings=Flux.Settings(model="flux-general-en"))
        down = Sink()
        async with running(flux, down) as worker:
            yield flux, down, worker


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The audio that took the way through the queue."""
    came: list[bytes] = []
    process = Flux.process_audio_frame

    async def noted(self: Flux, frame: Any, direction: Any) -> None:
        came.append(frame.audio)
        await process(self, frame, direction)

    monkeypatch.setattr(Flux, "process_audio_frame", noted)
    return came


async def test_the_callers_audio_is_sent_without_a_queue_and_understood(queued: list[bytes]) -> None:
    async with _hearing() as (flux, down, _worker):
        pcm = await say(HOURS) + SECOND * 2
        for start in range(0, len(pcm), FRAME):
            await flux.queue_frame(_audio(pcm[start : start + FRAME]))
        assert (await down.until(TranscriptionFrame)).text == HOURS
        assert not queued


async def test_audio_that_has_to_wait_keeps_its_order(queued: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    async with _hearing() as (flux, _down, worker):
        connection = cast(AudioConnection, flux._websocket)
        sent: list[bytes] = []
        all_sent = asyncio.Event()

        def note(message: bytes) -> None:
            sent.append(message)
            if len(sent) == 4:
                all_sent.set()

        monkeypatch.setattr(connection.protocol, "send_binary", note)
        first, second, third, last = (bytes([number]) * FRAME for number in range(4))
        await flux.queue_frame(_audio(first))
        connection.pause_writing()
        await flux.queue_frame(_audio(second))
        connection.resume_writing()
        await flux.queue_frame(_audio(third))
        await worker.queue_frame(_audio(last))
        await asyncio.wait_for(all_sent.wait(), 10)
        assert sent == [first, second, third, last]
        assert queued[:2] == [second, third]


async def test_a_machine_that_stops_for_a_moment_does_not_end_the_callers_sentence() -> None:
    async with _hearing() as (flux, down, _worker):
        line = await say(HOURS)
        pcm = line + SECOND
        frames = [pcm[start : start + FRAME] for start in range(0, len(pcm), FRAME)]
        for frame in frames[:40]:
            await flux.queue_frame(_audio(frame))
        await down.until(ProposedUserStartedSpeakingFrame)
        time.sleep(1)  # noqa: ASYNC251  the loop stands still, as it does on a machine that is too busy
        await asyncio.sleep(0.2)  # whoever looks for missing audio has looked
        for frame in frames[40:]:
            await flux.queue_frame(_audio(frame))
        result = cast(dict[str, float], (await down.until(TranscriptionFrame)).result)
        # Flux ends a turn within 300 ms of its last word
        assert 0 <= result["audio_window_end"] - len(line) / 32_000 <= 0.31
