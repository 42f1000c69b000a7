"""What AssemblyAI may send besides a turn with words."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pipecat.frames.frames import (
    ErrorFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
)
from websockets.asyncio.server import ServerConnection, serve

from agents.choices import TurnPolicy
from tests.sink import Sink, running
from workers.providers.assemblyai.stt import recognizer
from workers.providers.targets import Target

BEGIN = {"type": "Begin", "id": "1", "expires_at": 0}
STARTED = {"type": "SpeechStarted", "timestamp": 1000, "confidence": 0.9}


def turn(text: str) -> dict[str, Any]:
    return {
        "type": "Turn",
        "turn_order": 0,
        "turn_is_formatted": True,
        "end_of_turn": True,
        "transcript": text,
        "end_of_turn_confidence": 0.9,
        "words": [],
        "utterance": text,
    }


@asynccontextmanager
async def told(*messages: dict[str, Any]) -> AsyncIterator[tuple[Sink, Sink]]:
    """What goes up and down from a recognizer with turns of its own, whose server says this."""

    async def tell(connection: ServerConnection) -> None:
        for message in (BEGIN, *messages):
            await connection.send(json.dumps(message))
        await connection.wait_closed()

    async with serve(tell, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        target = Target("stt", "assemblyai", "universal-3-6-pro", f"http://127.0.0.1:{port}", "key")
        up, down = Sink(), Sink()
        async with running(up, recognizer(target, "en-US", TurnPolicy.EAGER), down):
            yield up, down


async def test_a_turn_that_was_announced_and_has_no_words_ends() -> None:
    async with told(STARTED, turn("")) as (_, down):
        await down.until(ProposedUserStartedSpeakingFrame)
        await down.until(ProposedUserStoppedSpeakingFrame)
        assert not down.of(TranscriptionFrame)


async def test_a_turn_with_words_ends_once() -> None:
    async with told(STARTED, turn("Hello."), STARTED, turn("Goodbye.")) as (_, down):
        await down.until(TranscriptionFrame, 2)
        await down.until(ProposedUserStoppedSpeakingFrame, 2)
        await asyncio.sleep(0)
        assert len(down.of(ProposedUserStoppedSpeakingFrame)) == 2


async def test_a_message_of_a_kind_that_nobody_knows_is_no_failure() -> None:
    warning = {"type": "Warning", "warning_code": 1, "warning": "this parameter will go"}
    async with told(warning, STARTED, turn("Hello.")) as (up, down):
        assert (await down.until(TranscriptionFrame)).text == "Hello."
        assert not up.of(ErrorFrame)
