"""How the agent ends a call."""

import asyncio

import structlog

from agents.models import PersonaVersion
from calls.states import EndReason, Status
from workers.conversation.progress import Progress
from workers.conversation.speaking import Speaking, letters
from workers.turns.barge_in import BargeIn
from workers.turns.farewells import is_farewell, takes_leave

log = structlog.get_logger(__name__)


class Goodbye:
    """The words of a goodbye, heard by the caller once, before the call ends as completed."""

    def __init__(self, version: PersonaVersion, speaking: Speaking, progress: Progress, barge_in: BargeIn) -> None:
        self._words = version.goodbye
        self._language = version.language
        self._speaking = speaking
        self._progress = progress
        self._barge_in = barge_in
        self._was_stopped = False  # the caller spoke up while the agent hung up
        self._was_heard = False  # then the caller had heard the goodbye to its end
        self._caller_spoke = asyncio.Event()  # words, in a turn that is over
        self._caller_turn_over = asyncio.Event()
        self._caller_turn_over.set()

    async def close(self, reason: EndReason) -> None:
        """Say goodbye, wait until it has been heard, and end the call, also when it cannot be said.

        A caller who was silent, and speaks up now, is not hung up on.
        """
        if self._progress.closing:
            return
        self._take_leave(True)
        self._barge_in.any_word_interrupts = reason == EndReason.SILENCE
        try:
            await (self._say_to_the_silent() if reason == EndReason.SILENCE else self._say())
        except Exception:
            log.exception("goodbye_not_said")
        if reason == EndReason.SILENCE and await self._caller_is_there():
            self._take_leave(False)
            return
        self._progress.end(Status.COMPLETED, reason)

    async def end_in_time(self) -> None:
        """The longest duration is over: close the call. An agent that is closing it may be kept from that: then now."""
        await self._progress.not_closing()
        await self.close(EndReason.MAX_DURATION)

    async def hang_up(self) -> None:
        """The language model ends the conversation; canceled when the caller speaks up meanwhile."""
        self._take_leave(True)
        self._was_stopped = self._was_heard = False
        try:
            await self._speaking.reply_said()
            if self._speaking.last_reply:
                self._was_heard = True
                await self._speaking.heard()
            else:
                await self._say()
        except asyncio.CancelledError:
            self._take_leave(False)
            self._was_stopped = True
            raise
        except Exception:
            log.exception("goodbye_not_said")
        self._progress.end(Status.COMPLETED, EndReason.AGENT_GOODBYE)

    def caller_began(self) -> None:
        """The caller's turn begins."""
        self._caller_turn_over.clear()

    def caller_said(self, text: str) -> None:
        """The caller's turn is over. One who only answers the agent's goodbye hears no second one.

        Callers take leave in more than one go: "That is all, thank you." The agent says goodbye. "Bye, bye."
        """
        self._caller_turn_over.set()
        if text:
            self._caller_spoke.set()
        if text and not is_farewell(text, self._language):
            self._was_stopped = self._was_heard = False
            self._speaking.last_words = ""
        elif self._was_stopped and (self._was_heard or (text and self._was_just_said())):
            self._progress.closing = True
            self._speaking.fall_silent()
            self._progress.end(Status.COMPLETED, EndReason.AGENT_GOODBYE)

    def _take_leave(self, takes_leave: bool) -> None:
        self._progress.closing = self._barge_in.taking_leave = takes_leave
        self._barge_in.any_word_interrupts = False

    async def _say_to_the_silent(self) -> None:
        """Say goodbye to someone who may not be there. Words of the caller stop it, even when they come before it."""
        self._caller_spoke.clear()
        goodbye = asyncio.ensure_future(self._say())
        spoke = asyncio.ensure_future(self._caller_spoke.wait())
        try:
            await asyncio.wait([goodbye, spoke], return_when=asyncio.FIRST_COMPLETED)
            if goodbye.done():
                await goodbye
        finally:
            goodbye.cancel()
            spoke.cancel()

    async def _caller_is_there(self) -> bool:
        """Whether a silent caller has spoken since. A cough is a turn too, but has no words, and does not last."""
        await self._speaking.wait_for(self._caller_turn_over)
        return self._caller_spoke.is_set() or not self._caller_turn_over.is_set()

    async def _say(self) -> None:
        if self._was_just_said():
            await self._speaking.heard()
        else:
            await self._speaking.say_and_wait(self._words)

    def _was_just_said(self) -> bool:
        """Whether the last that the caller has heard is a goodbye: in the persona's words, or in others."""
        said = self._speaking.last_words
        return letters(self._words) in letters(said) or takes_leave(said, self._language)
