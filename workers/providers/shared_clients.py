"""Clients of vendors' HTTP libraries, whose open connections all calls of a process share."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, Any]] = WeakKeyDictionary()


def shared_client[Client](key: Hashable, make: Callable[[], Client]) -> Client:
    """The running loop's client for this key; made when it is first asked for.

    The key holds all that makes clients differ, such as class, API key and address.
    """
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    if key not in clients:
        clients[key] = make()
    client: Client = clients[key]
    return client
