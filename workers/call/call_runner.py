"""What a worker does with a call between its claim and its end: the coroutine that `settings.CALL_RUNNER` names.

The benchmark of the control plane names one that joins no room.
"""

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from inspect import iscoroutinefunction
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from workers.call.held_call import HeldCall
from workers.conversation.progress import Ending, Leaving

type Runner = Callable[[HeldCall, AsyncExitStack], Coroutine[Any, Any, Ending | Leaving]]
"""Holds the call and returns how it ended, or why it continues elsewhere. The stack is for what may end afterwards."""


def load() -> Runner:
    """Raises ImproperlyConfigured when the setting names no coroutine function."""
    name = settings.CALL_RUNNER
    try:
        found = import_string(name)
    except ImportError as error:
        raise _unusable(name, f"cannot be imported ({error})") from error
    if not iscoroutinefunction(found):
        raise _unusable(name, "is not a coroutine function")
    return cast(Runner, found)


def _unusable(name: str, why: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"CALL_RUNNER is {name!r}, which {why}. Leave it out, or name a coroutine function.")
