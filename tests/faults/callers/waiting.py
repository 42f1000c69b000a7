"""Callers who keep an agent busy, and callers who wait meanwhile."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from calls.livekit import rooms
from calls.models import Call, PhoneNumber
from calls.states import Status
from tests.factories import make_number, make_persona
from tests.product.calling import Caller
from tests.product.fixtures import NUMBER
from tests.product.stack import Stack, eventually

LISTENS = """
name: listens
caller:
  steps:
    - stay_silent: {seconds: 90}
agent:
  default: "Nothing."
"""


def patient_number(**values: object) -> PhoneNumber:
    """A number whose persona leaves silent callers alone."""
    persona = make_persona("Anna", greeting="Hello, this is Anna.", voice_id="rachel", silence_after_s=100)
    return make_number(NUMBER, persona, **values)


def call_of(caller: Caller, status: Status) -> Call:
    """The caller's call, once it is in this state."""
    rows = Call.objects.filter(room_name=caller.room, status=status)
    return eventually(rows.first, f"{caller.room} {status}")


def hang_up(caller: Caller) -> None:
    """End the caller's call from outside."""
    asyncio.run(rooms.delete_room(caller.room))


@contextmanager
def busy_agent(stack: Stack) -> Iterator[Caller]:
    """The caller to whom an agent has begun to speak, and who is hung up on afterwards, if not before."""
    stack.script(LISTENS)
    with Caller(stack, LISTENS, NUMBER) as caller:
        caller.wait_for("agent_speaking")
        yield caller
        hang_up(caller)
