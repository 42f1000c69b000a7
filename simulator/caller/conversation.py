"""The caller's part of a scenario, step by step, and what it hears in reply."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from simulator.caller.ear import SILENCE_S, Ear, Stretch
from simulator.caller.lines import key_of
from simulator.caller.mouth import Mouth, Spoken
from simulator.caller.report import Teller, Utterance
from simulator.scenario import (
    Dtmf,
    HangUp,
    Interrupt,
    Play,
    Say,
    Scenario,
    StaySilent,
    Step,
    WaitForReply,
    WaitForSilence,
)
from simulator.speech.pcm import Samples

_LOOK_S = 0.02
"""Frames come every 20 ms, and are dated when they come: looking as often as that delays a step, but no measurement."""

_KEY_S = 0.25
_PAUSE_KEY_S = 0.5
_GIVE_UP_INTERRUPTING_S = 1.5


@dataclass
class _Said:
    """An utterance on its way to the report."""

    text: str
    interrupts: bool
    reply_expected: bool
    over: Stretch | None = None
    spoken: Spoken | None = None
    told_reply: bool = False
    told_silence: bool = False

    def silent_after_ms(self) -> float | None:
        """How long the agent went on after the caller spoke over it; None until it stops, or if it was silent."""
        if self.over is None or self.spoken is None or not self.over.ended:
            return None
        after_ms = (self.over.last_at - self.spoken.started_at) * 1000
        return after_ms if after_ms > 0 else None


class Conversation:
    """Runs the steps of a scenario with a mouth and an ear."""

    def __init__(
        self,
        scenario: Scenario,
        lines: Mapping[str, Samples],
        mouth: Mouth,
        ear: Ear,
        press: Callable[[str], Awaitable[None]],
        tell: Teller,
    ) -> None:
        """`lines` holds the sound of each step that makes one, by key_of; `press` sends one DTMF key."""
        self._scenario = scenario
        self._lines = lines
        self._mouth = mouth
        self._ear = ear
        self._press = press
        self._tell = tell
        self._said: list[_Said] = []
        self._reference = Spoken(0.0, 0.0)
        self.waits_in_vain = 0

    @property
    def said_everything(self) -> bool:
        """Whether every line of the scenario was spoken to its end."""
        return sum(said.spoken is not None for said in self._said) == len(self._scenario.caller.utterances())

    @property
    def said_last(self) -> str | None:
        """The text of the last line that was spoken."""
        return self._said[-1].text if self._said else None

    async def run(self) -> None:
        """Do every step in turn, until the scenario hangs up or ends."""
        steps = self._scenario.caller.steps
        for position, step in enumerate(steps):
            match step:
                case Say() | Interrupt() | Play():
                    after_ms = None if isinstance(step, Say) else step.after_ms
                    if after_ms is not None:
                        await self._wait_to_interrupt(after_ms / 1000)
                    await self._utter(step, expects_reply(steps[position + 1 :]), interrupts=after_ms is not None)
                case WaitForReply(timeout_s, silence_ms):
                    await self._wait_for_reply(timeout_s, silence_ms / 1000)
                case WaitForSilence(timeout_s, silence_ms):
                    needed_s = max(silence_ms / 1000, SILENCE_S)
                    await self._until(lambda: self._silent_for() >= needed_s, timeout_s)  # noqa: B023  awaited here
                case StaySilent(seconds):
                    await self._until(lambda: False, seconds)
                case Dtmf(digits):
                    await self._type(digits)
                case HangUp():
                    return

    async def _utter(self, step: Say | Interrupt | Play, reply_expected: bool, interrupts: bool) -> None:
        said = _Said(step.text, interrupts, reply_expected)
        self._said.append(said)

        def on_started(at: float) -> None:
            said.over = self._ear.now_speaking
            self._tell("caller_speaking", at, text=step.text)

        said.spoken = await self._mouth.say(self._lines[key_of(step)], on_started)
        self._reference = said.spoken
        self._tell("caller_silent", said.spoken.ended_at)

    def _reply(self) -> Stretch | None:
        return self._ear.reply_to(self._reference.started_at, self._reference.ended_at)

    async def _wait_for_reply(self, timeout_s: float, silence_s: float) -> None:
        if not await self._until(lambda: self._reply() is not None, timeout_s):
            self.waits_in_vain += 1
            return
        await self._until(lambda: self._silent_for() >= max(silence_s, SILENCE_S))
        # a second wait in a row is for something new
        now = time.monotonic()
        self._reference = Spoken(now, now)

    async def _wait_to_interrupt(self, after_s: float) -> None:
        """Wait until the agent speaks, and began to reply `after_s` ago; or has ended, or has said nothing for 10 s."""
        if not await self._until(lambda: self._reply() is not None, WaitForReply.timeout_s):
            return
        reply = self._reply()

        def is_time() -> bool:
            spoken_for = time.monotonic() - reply.started_at if reply else 0.0
            speaks = self._ear.now_speaking is not None
            return (speaks and spoken_for >= after_s) or self._silent_for() >= _GIVE_UP_INTERRUPTING_S

        await self._until(is_time)

    def _silent_for(self) -> float:
        return time.monotonic() - self._ear.stretches[-1].last_at if self._ear.stretches else 0.0

    async def _type(self, digits: str) -> None:
        self._tell("dtmf", time.monotonic(), text=digits)
        for key in digits:
            if key == "w":
                await self._until(lambda: False, _PAUSE_KEY_S)
            else:
                await self._press(key.upper())
                await self._until(lambda: False, _KEY_S)

    async def _until(self, condition: Callable[[], bool], timeout_s: float = float("inf")) -> bool:
        """Wait for `condition`, up to `timeout_s`; tell replies and interruptions meanwhile. Return whether it came."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._ear.listen(time.monotonic())
            self._tell_news()
            if condition():
                return True
            if time.monotonic() >= deadline:
                return False
            await asyncio.sleep(_LOOK_S)

    def _tell_news(self) -> None:
        said = self._said[-1] if self._said else None
        if said is None or said.spoken is None:
            return
        silent_after_ms = said.silent_after_ms()
        if silent_after_ms is not None and not said.told_silence and said.over:
            said.told_silence = True
            self._tell("interrupted", said.over.last_at, silent_after_ms=silent_after_ms)
        reply = self._ear.reply_to(said.spoken.started_at, said.spoken.ended_at)
        if reply is not None and not said.told_reply:
            said.told_reply = True
            latency_ms = (reply.started_at - said.spoken.ended_at) * 1000
            self._tell("reply", reply.started_at, latency_ms=latency_ms)

    def utterances(self, origin: float) -> list[Utterance]:
        """Return what was said, with what was heard in reply; times become seconds since `origin`."""
        spoken = [(said, said.spoken) for said in self._said if said.spoken is not None]
        measured = []
        next_at = float("inf")
        for said, when in reversed(spoken):
            measured.append(self._measured(said, when, next_at, origin))
            next_at = when.started_at
        return measured[::-1]

    def _measured(self, said: _Said, when: Spoken, next_at: float, origin: float) -> Utterance:
        utterance = Utterance(
            text=said.text,
            started_s=when.started_at - origin,
            ended_s=when.ended_at - origin,
            interrupts=said.interrupts,
            reply_expected=said.reply_expected,
            silent_after_ms=said.silent_after_ms(),
        )
        reply = self._ear.reply_to(when.started_at, when.ended_at)
        if reply is not None and reply.started_at < next_at:
            heard_until = max(
                min(stretch.last_at, next_at)
                for stretch in self._ear.stretches
                if reply.started_at <= stretch.started_at < next_at
            )
            utterance.reply_heard = True
            utterance.reply_latency_ms = (reply.started_at - when.ended_at) * 1000
            utterance.reply_lasted_ms = (heard_until - reply.started_at) * 1000
        return utterance


def expects_reply(later: tuple[Step, ...]) -> bool:
    """Return whether these steps wait for the agent to speak before the caller does.

    They are the steps after an utterance, whose reply is expected, or all of a scenario, which expects a greeting.
    """
    for step in later:
        if isinstance(step, WaitForReply | Interrupt) or (isinstance(step, Play) and step.after_ms is not None):
            return True
        if isinstance(step, Say | Play | HangUp):
            return False
    return False
