"""How a tool's service is called: only at a public Internet address, and with headers that prove who is asking."""

import hashlib
import hmac
import json
import socket
import time
import uuid
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import aiohttp
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from agents.models import ToolSecret
from agents.tools import tool_secrets
from agents.tools.definitions import ToolSpec, host
from common.database import in_database

IDEMPOTENCY_KEY = "Idempotency-Key"
TIMESTAMP = "X-Callcenter-Timestamp"
SIGNATURE = "X-Callcenter-Signature"
# Addresses in which an IPv4 address stands at the end: a gateway would lead to that one (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")


class SecretMissing(Exception):
    """A tool's secret cannot be sent: the message says why, without the secret."""


def encoded(arguments: dict[str, Any]) -> bytes:
    """The body of the request: what is signed is what is sent."""
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":")).encode()


async def headers(tool: ToolSpec, body: bytes, key: uuid.UUID) -> dict[str, str]:
    """The headers of a request, `key` as its idempotency key.

    Raises SecretMissing when the tool's secret cannot be had, or is for another host.
    """
    found = {"Content-Type": "application/json", IDEMPOTENCY_KEY: str(key), **signature(tool.url, body)}
    if tool.secret:
        found["Authorization"] = f"Bearer {await _secret(tool)}"
    return found


def signature(url: str, body: bytes, now_s: float | None = None) -> dict[str, str]:
    """The signature's headers, empty without TOOL_SIGNING_KEY.

    The signature is `v1=` and the HMAC-SHA-256, in hex, of the timestamp (seconds since 1970), a line feed, the URL, a
    line feed, and the body. A service refuses timestamps that are older than some minutes, so that nobody can repeat
    a request that was overheard.
    """
    if not settings.TOOL_SIGNING_KEY:
        return {}
    timestamp = str(int(time.time() if now_s is None else now_s))
    text = f"{timestamp}\n{url}\n".encode() + body
    digest = hmac.new(settings.TOOL_SIGNING_KEY.encode(), text, hashlib.sha256).hexdigest()
    return {TIMESTAMP: timestamp, SIGNATURE: f"v1={digest}"}


async def _secret(tool: ToolSpec) -> str:
    try:
        return await in_database(tool_secrets.reveal, tool.secret, host(tool.url))
    except ToolSecret.DoesNotExist as error:
        raise SecretMissing(f"there is no secret {tool.secret} for this host") from error
    except (ImproperlyConfigured, DatabaseError) as error:
        raise SecretMissing(f"the secret {tool.secret} cannot be read") from error


def may_reach(address: str) -> bool:
    """Whether tools may call this address: one of the public Internet, or in TOOL_ALLOWED_NETWORKS."""
    ip = ip_address(address.partition("%")[0])
    if any(ip in ip_network(network, strict=False) for network in settings.TOOL_ALLOWED_NETWORKS):
        return True
    return all(each.is_global and not each.is_multicast for each in _meant(ip))


def _meant(ip: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address and, for IPv6, the IPv4 addresses that a gateway makes of it."""
    if isinstance(ip, IPv4Address):
        return [ip]
    if ip.ipv4_mapped is not None:
        return [ip.ipv4_mapped]
    embedded = [ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64:
        embedded.append(IPv4Address(int(ip) & 0xFFFFFFFF))
    return [ip, *(address for address in embedded if address is not None)]


class Guard:
    """Looks at the address of each connection just before it is opened: no name, and no change of a name's address
    between two look-ups, leads anywhere else."""

    def __init__(self) -> None:
        self.refused = False

    def connector(self, **options: Any) -> aiohttp.TCPConnector:
        """A connector that opens no connection to an address that tools may not reach."""
        factory: Callable[..., socket.socket] = self._socket
        return aiohttp.TCPConnector(socket_factory=factory, **options)

    def _socket(self, address_info: tuple[int, int, int, str, tuple[Any, ...]]) -> socket.socket:
        family, kind, protocol, _, address = address_info
        if not may_reach(str(address[0])):
            self.refused = True
            raise OSError("the address is not public")
        return socket.socket(family, kind, protocol)
