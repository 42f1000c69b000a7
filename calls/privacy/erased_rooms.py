"""Rooms of erased calls, which LiveKit may still have open and report about.

A room's name holds the caller's number, so an erased call keeps a digest of it: enough to recognize the room, but not
to find its name.
"""

from collections.abc import Iterable

from django.db import connection
from django.utils.crypto import salted_hmac

from calls.models import Call


def erased_name(room_name: str) -> str:
    """The name under which an erased call keeps its room. Without DJANGO_SECRET_KEY nobody finds it by trying."""
    return f"erased-{salted_hmac('calls.privacy.erased_rooms', room_name, algorithm='sha256').hexdigest()}"


def stored_names(room_names: Iterable[str]) -> dict[str, str]:
    """Under which names calls may be stored, and the room of each: a room's own name and its erased one."""
    return {stored: name for name in room_names for stored in (name, erased_name(name))}


def is_erased(room_name: str) -> bool:
    """Whether the call of this room was erased. Ask while the room is locked."""
    return Call.objects.filter(room_name=erased_name(room_name)).exists()


def lock_rooms(room_names: Iterable[str]) -> None:
    """Wait until nobody stores anything of these rooms, and keep others from it until the transaction ends.

    For code that stores LiveKit's events of a room, and for the erasure of its call.
    """
    lock = "SELECT pg_advisory_xact_lock(hashtextextended(room_name, 0)) FROM unnest(%s::text[]) AS room_name"
    with connection.cursor() as cursor:
        cursor.execute(lock, [sorted(room_names)])  # so that two who lock the same rooms do not wait for each other
