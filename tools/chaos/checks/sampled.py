"""The invariants that can only be seen while calls are live: each looks at the samples, in their order."""

from collections.abc import Callable, Iterable, Iterator

from tools.chaos.evidence.records import FINAL, Evidence, RoomSeen, Sample

ABSENT_MAX_S = 30.0  # how long a live row may be without its caller, and a room without a live row


def one_agent(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """No two agents speak in a room, but the known dead one; the newer comes a moment before the older is put out."""
    before: set[tuple[str, int]] = set()
    told: set[tuple[str, int]] = set()
    for sample in evidence.samples:
        now = {(room, attempt) for room, seen in sample.rooms.items() for attempt in _superseded(seen)}
        for room, attempt in sorted(now & before - told):
            yield room, f"agent {attempt} lives and speaks beside a newer one"
        told |= now & before
        before = now


def _superseded(seen: RoomSeen) -> Iterator[int]:
    speaking = [agent for agent in seen.agents if agent.publishes]
    newest = max((agent.attempt for agent in speaking), default=0)
    return (agent.attempt for agent in speaking if agent.lives and agent.attempt < newest)


def caller_present(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """No row is in a live state for more than 30 s without its caller in the room."""

    def absent(sample: Sample) -> Iterable[str]:
        return (room for room, caller in sample.live.items() if caller not in _seen(sample, room).people)

    for room, seconds in _for_too_long(evidence.samples, absent):
        yield room, f"live for {seconds:.0f} s without its caller in the room"


def no_strange_room(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """No room with someone in it is without a live row for more than 30 s, and none is open at the end."""

    def strange(sample: Sample) -> Iterable[str]:
        return (room for room, seen in sample.rooms.items() if seen.people and seen.status in ("", *FINAL))

    for room, seconds in _for_too_long(evidence.samples, strange):
        yield room, f"someone was in the room for {seconds:.0f} s without a live row"
    for room, seen in evidence.standing.rooms.items():
        yield room, f"open at the end, {'its call is ' + seen.status if seen.status else 'without a row'}"


def no_empty_slot(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """No slot is taken for more than 30 s by a call that no live row says its worker holds."""

    def empty(sample: Sample) -> Iterable[str]:
        return (holder for holder, count in sample.empty_slots.items() if count)

    for holder, seconds in _for_too_long(evidence.samples, empty):
        yield "", f"{holder} had a slot taken by no call for {seconds:.0f} s"


def _seen(sample: Sample, room: str) -> RoomSeen:
    return sample.rooms.get(room, RoomSeen())


def _for_too_long(samples: Iterable[Sample], is_so: Callable[[Sample], Iterable[str]]) -> Iterator[tuple[str, float]]:
    """What it is so of in sample after sample, with the longest time from the first of them to the last."""
    since: dict[str, float] = {}
    longest: dict[str, float] = {}
    for sample in samples:
        rooms = set(is_so(sample))
        since = {room: since.get(room, sample.at) for room in rooms}
        for room, began_at in since.items():
            longest[room] = max(longest.get(room, 0.0), sample.at - began_at)
    return ((room, seconds) for room, seconds in longest.items() if seconds > ABSENT_MAX_S)
