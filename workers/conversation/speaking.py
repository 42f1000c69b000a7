"""What the agent says word for word, and whether it has been heard."""

import asyncio

import structlog
from pipecat.frames.frames import TTSSpeakFrame
from pipecat.pipeline.worker import PipelineWorker

from workers.media.transport import CallTransport

log = structlog.get_logger(__name__)

LAST_WORDS_S = 15.0  # how long a goodbye may take
TAIL_S = 0.3  # audio that has left and is still on its way to the caller's ear


class Speaking:
    """Has the agent say something, and knows how far it is.

    `stopped`: it has said what it began to say last, or was interrupted. `answered`: it has replied, to the end, since
    the caller's last turn; `last_reply` is what it said then. `last_words` is the last that was heard of it at all.
    """

    def __init__(self, worker: PipelineWorker, transport: CallTransport) -> None:
        self._worker = worker
        self._transport = transport
        self.stopped = asyncio.Event()
        self.stopped.set()
        self.answered = asyncio.Event()
        self.last_reply = ""
        self.last_words = ""
        self._awaited: dict[asyncio.Event, str] = {}  # words to wait for, by the event that says they were said

    def caller_began(self) -> None:
        """The caller's turn begins: there is something to be answered."""
        self.answered.clear()
        self.last_reply = ""

    def began(self) -> None:
        """The agent's turn begins."""
        self.stopped.clear()

    def ended(self, text: str, *, interrupted: bool) -> None:
        """The agent's turn is over; `text` is what the caller heard of it."""
        self.last_words = text or self.last_words
        if not interrupted:
            self.last_reply = text
            self.answered.set()
        self.stopped.set()
        for event, words in self._awaited.items():
            if interrupted or letters(words) in letters(text):
                event.set()

    async def say(self, words: str) -> None:
        """Say this after everything that is already queued. Returns at once."""
        self.stopped.clear()
        await self._worker.queue_frame(TTSSpeakFrame(words))

    async def say_and_wait(self, words: str) -> None:
        """Say this, and wait until it has been heard, for each step LAST_WORDS_S seconds at most.

        What was asked for before, such as that the caller may hold on, may begin only now and end as a turn of its own.
        """
        await self.wait_for(self.stopped)  # what it is saying now
        said = asyncio.Event()
        self._awaited[said] = words
        try:
            await self.say(words)
            await self.wait_for(said)
        finally:
            del self._awaited[said]
        await self.heard()

    async def wait_for(self, event: asyncio.Event) -> None:
        """Wait for one of the events, LAST_WORDS_S seconds at most."""
        try:
            async with asyncio.timeout(LAST_WORDS_S):
                await event.wait()
        except TimeoutError:
            log.warning("words_not_said")

    async def reply_said(self) -> None:
        """Wait until it has replied: for as long as it is heard, and at most LAST_WORDS_S seconds in silence."""
        await self.wait_for(self.answered)
        while self.is_heard and not self.answered.is_set():
            await self.wait_for(self.answered)

    @property
    def is_heard(self) -> bool:
        """Whether the caller hears the agent now."""
        return self._transport.output().is_speaking

    def fall_silent(self) -> None:
        """Say nothing more for now: the call is over, and its end is on the way."""
        self._transport.output().pause()

    async def heard(self) -> None:
        """Wait until the caller has heard what was said."""
        await self._transport.output().wait_for_playout()
        await asyncio.sleep(TAIL_S)


def letters(text: str) -> str:
    """What counts in a comparison: voices treat spaces and punctuation differently."""
    return "".join(character for character in text.casefold() if character.isalnum())
