"""Processors around the one of Pipecat's that is under test: they keep the frames that arrive."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pipecat.frames.frames import EndFrame, Frame, TTSTextFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner


class Sink(FrameProcessor):
    """Keeps what arrives, and lets a test wait for a number of frames of a kind."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frame] = []
        self._came = asyncio.Condition()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        async with self._came:
            self.frames.append(frame)
            self._came.notify_all()
        await self.push_frame(frame, direction)

    def of[F: Frame](self, kind: type[F]) -> list[F]:
        return [frame for frame in self.frames if isinstance(frame, kind)]

    async def until[F: Frame](self, kind: type[F], count: int = 1) -> F:
        """Wait for so many frames of a kind, and return the first of them."""
        async with asyncio.timeout(15), self._came:
            await self._came.wait_for(lambda: len(self.of(kind)) >= count)
        return self.of(kind)[0]

    def words(self) -> str:
        return " ".join(frame.text for frame in self.of(TTSTextFrame))


@asynccontextmanager
async def running(*processors: FrameProcessor) -> AsyncIterator[PipelineWorker]:
    """A running pipeline of these processors at 16 kHz."""
    worker = PipelineWorker(
        Pipeline(list(processors)),
        params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=16_000),
        cancel_on_idle_timeout=False,
        enable_rtvi=False,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    started = asyncio.Event()
    worker.add_event_handler("on_pipeline_started", lambda *_: started.set())
    task = asyncio.create_task(runner.run())
    try:
        await asyncio.wait_for(started.wait(), 10)
        yield worker
    finally:
        await worker.queue_frame(EndFrame())
        await asyncio.wait_for(task, 15)
