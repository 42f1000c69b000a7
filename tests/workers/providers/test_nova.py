"""Deepgram's nova on a connection that the server closes."""

import pytest
from pipecat.frames.frames import ErrorFrame, InputAudioRawFrame
from websockets.asyncio.server import ServerConnection, serve

from agents.choices import TurnPolicy
from tests.sink import Sink, running
from workers.providers.deepgram.nova import Nova
from workers.providers.deepgram.stt import recognizer
from workers.providers.targets import Target


@pytest.mark.parametrize("code", [1000, 1001, 1011])
async def test_a_connection_that_deepgram_closes_is_a_failure(code: int) -> None:
    connections = 0

    async def close_after_audio(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        await connection.recv()
        await connection.close(code)

    async with serve(close_after_audio, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        target = Target("stt", "deepgram", "nova-3-general", f"http://127.0.0.1:{port}", "key")
        nova = recognizer(target, "en-US", TurnPolicy.SILENCE)
        assert isinstance(nova, Nova)
        up = Sink()
        async with running(up, nova) as worker:
            await worker.queue_frame(InputAudioRawFrame(bytes(1024), sample_rate=16000, num_channels=1))
            error = await up.until(ErrorFrame)
            assert error.processor is nova
            assert connections == 1
