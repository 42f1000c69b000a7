"""The caller's audio on its way from LiveKit's stream into the pipeline."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pipecat.frames.frames import Frame
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.livekit.transport import LiveKitParams

from workers.media.input import MEASURED_TOGETHER, CallerAudio, CallerEar

MS = 1_000_000
FRAME_MS = 32
SPEECH = np.full(512, 5000, np.int16)
SILENCE = np.zeros(512, np.int16)


class Ear:
    """A caller's ear on a stream of frames, one every 32 ms."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        transport: Any = SimpleNamespace(name="transport")
        client: Any = SimpleNamespace()
        self.ear = CallerEar(transport, client, LiveKitParams(audio_in_enabled=True, audio_in_sample_rate=16_000))
        self.pushed: list[Frame] = []
        self.now_ns = 0
        clock = SimpleNamespace(get_time=lambda: self.now_ns)
        monkeypatch.setattr(self.ear, "get_clock", lambda: clock)
        monkeypatch.setattr(self.ear, "push_frame", self._pushed)

    async def hears(self, *frames: np.ndarray[Any, Any]) -> None:
        async def stream() -> AsyncIterator[Any]:
            for samples in frames:
                self.now_ns += FRAME_MS * MS
                yield SimpleNamespace(frame=SimpleNamespace(data=memoryview(samples.tobytes()).cast("h")))

        await self.ear.listen(stream(), "caller")  # type: ignore[arg-type]

    async def _pushed(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        self.pushed.append(frame)


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    return Ear(monkeypatch)


@pytest.mark.parametrize("silent", [0, 1, MEASURED_TOGETHER, 3 * MEASURED_TOGETHER + 1])
async def test_the_end_of_speech_is_known_at_any_time(ear: Ear, silent: int) -> None:
    await ear.hears(*[SILENCE] * 3, *[SPEECH] * 2, *[SILENCE] * silent)
    assert ear.ear.last_speech_ns == 5 * FRAME_MS * MS


async def test_a_caller_who_has_not_spoken_has_no_last_speech(ear: Ear) -> None:
    assert ear.ear.last_speech_ns is None
    await ear.hears(*[SILENCE] * 20)
    assert ear.ear.last_speech_ns is None


async def test_what_the_caller_sends_goes_into_the_pipeline_in_order(ear: Ear) -> None:
    await ear.hears(SPEECH, SILENCE, SPEECH)
    heard = [frame for frame in ear.pushed if isinstance(frame, CallerAudio)]
    assert [frame.audio for frame in heard] == [samples.tobytes() for samples in (SPEECH, SILENCE, SPEECH)]
    assert {frame.user_id for frame in heard} == {"caller"}
