"""What two people's speech makes of a call: turns, replies, interruptions, overlap and dead air. Times are seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tools.latency.voice_activity import SILENCE_S, Speech

Speaker = Literal["caller", "agent"]

SHORTEST_INTERRUPTION_S = 0.2
"""Speaking at once for less is the usual change of turns: it is overlap, but nobody was interrupted."""

DEAD_AIR_S = 2.0
"""Silence of both sides from which on it is dead air, unless the user says otherwise."""


@dataclass(frozen=True)
class Reply:
    """The agent answers. `latency_ms` is negative when it began before the caller had ended."""

    caller_ended_s: float
    started_s: float

    @property
    def latency_ms(self) -> float:
        """From the caller's last sound to the agent's first."""
        return (self.started_s - self.caller_ended_s) * 1000


@dataclass(frozen=True)
class Interruption:
    """`by` began to speak at `at_s`, while the other spoke, and both did for `overlap_ms` or more.

    `silent_after_ms` is how long the other went on. `yielded`: it fell silent before the one who interrupted did.
    """

    by: Speaker
    at_s: float
    overlap_ms: float
    silent_after_ms: float
    yielded: bool


@dataclass(frozen=True)
class DeadAir:
    """Nobody speaks. `after` and `then` spoke last and next; None: the recording's beginning or end."""

    started_s: float
    ended_s: float
    after: Speaker | None
    then: Speaker | None

    @property
    def lasted_s(self) -> float:
        """Length in seconds."""
        return self.ended_s - self.started_s


@dataclass(frozen=True)
class Turn:
    """A side's speech until the other begins. `reply_latency_ms` is there if an agent's turn begins with a reply."""

    speaker: Speaker
    started_s: float
    ended_s: float
    reply_latency_ms: float | None


@dataclass(frozen=True)
class Conversation:
    """A call, measured. `greeting_s` is when the agent was first heard, if it spoke first."""

    duration_s: float
    caller: tuple[Speech, ...]
    agent: tuple[Speech, ...]
    greeting_s: float | None
    turns: tuple[Turn, ...]
    replies: tuple[Reply, ...]
    interruptions: tuple[Interruption, ...]
    overlap_s: float
    dead_air: tuple[DeadAir, ...]

    def speech_s(self, speaker: Speaker) -> float:
        """How long one side spoke."""
        return sum(speech.lasted_s for speech in (self.caller if speaker == "caller" else self.agent))


def measure(
    caller: Sequence[Speech], agent: Sequence[Speech], duration_s: float, dead_air_s: float = DEAD_AIR_S
) -> Conversation:
    """Measure a call of `duration_s` seconds by when each side spoke (in order, as find_speech gives it)."""
    replies = _replies(caller, agent)
    agent_first = bool(agent) and (not caller or agent[0].started_s < caller[0].started_s)
    interruptions = [*_interruptions("caller", caller, agent), *_interruptions("agent", agent, caller)]
    return Conversation(
        duration_s,
        tuple(caller),
        tuple(agent),
        agent[0].started_s if agent_first else None,
        _turns(caller, agent, replies),
        replies,
        tuple(sorted(interruptions, key=lambda each: each.at_s)),
        sum(_overlap_s(mine, theirs) for mine in caller for theirs in agent),
        _dead_air(caller, agent, duration_s, dead_air_s),
    )


def _replies(caller: Sequence[Speech], agent: Sequence[Speech]) -> tuple[Reply, ...]:
    """The reply to each of the caller's utterances, as the synthetic caller's ear has it (simulator.caller.ear).

    It is the agent's first speech after the utterance, or that which began within it and went on after it. If the
    caller goes on before, there is none; nor if the agent was speaking already and went on, because the caller said
    something in passing.
    """
    found = []
    for index, said in enumerate(caller):
        next_s = caller[index + 1].started_s if index + 1 < len(caller) else float("inf")
        goes_on_s = said.ended_s + SILENCE_S
        if any(each.started_s <= said.started_s and each.ended_s >= goes_on_s for each in agent):
            continue
        for each in agent:
            early = each.started_s > said.started_s and each.ended_s >= goes_on_s
            if each.started_s >= said.ended_s or early:
                if each.started_s < next_s:
                    found.append(Reply(said.ended_s, each.started_s))
                break
    return tuple(found)


def _interruptions(by: Speaker, speakers: Sequence[Speech], others: Sequence[Speech]) -> list[Interruption]:
    found = []
    for mine in speakers:
        for theirs in others:
            if theirs.started_s < mine.started_s < theirs.ended_s:
                overlap_s = _overlap_s(mine, theirs)
                after_ms = (theirs.ended_s - mine.started_s) * 1000
                if overlap_s >= SHORTEST_INTERRUPTION_S:
                    yielded = theirs.ended_s < mine.ended_s
                    found.append(Interruption(by, mine.started_s, overlap_s * 1000, after_ms, yielded))
    return found


def _overlap_s(one: Speech, other: Speech) -> float:
    return max(0.0, min(one.ended_s, other.ended_s) - max(one.started_s, other.started_s))


def _in_order(caller: Sequence[Speech], agent: Sequence[Speech]) -> list[tuple[Speaker, Speech]]:
    both: list[tuple[Speaker, Speech]] = [("caller", each) for each in caller]
    both += [("agent", each) for each in agent]
    return sorted(both, key=lambda each: each[1].started_s)


def _turns(caller: Sequence[Speech], agent: Sequence[Speech], replies: Sequence[Reply]) -> tuple[Turn, ...]:
    latencies = {reply.started_s: reply.latency_ms for reply in replies}
    turns: list[Turn] = []
    for speaker, speech in _in_order(caller, agent):
        latency_ms = latencies.get(speech.started_s) if speaker == "agent" else None
        if turns and turns[-1].speaker == speaker and latency_ms is None:
            last = turns[-1]
            turns[-1] = Turn(speaker, last.started_s, speech.ended_s, last.reply_latency_ms)
        else:
            turns.append(Turn(speaker, speech.started_s, speech.ended_s, latency_ms))
    return tuple(turns)


def _dead_air(
    caller: Sequence[Speech], agent: Sequence[Speech], duration_s: float, dead_air_s: float
) -> tuple[DeadAir, ...]:
    found: list[DeadAir] = []
    silent_from = 0.0
    after: Speaker | None = None
    for speaker, speech in _in_order(caller, agent):
        if speech.started_s - silent_from >= dead_air_s:
            found.append(DeadAir(silent_from, speech.started_s, after, speaker))
        if speech.ended_s > silent_from:
            silent_from, after = speech.ended_s, speaker
    if duration_s - silent_from >= dead_air_s:
        found.append(DeadAir(silent_from, duration_s, after, None))
    return tuple(found)
