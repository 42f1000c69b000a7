"""TCP and UDP ports of 127.0.0.1: finding free ones, and saying who holds a taken one."""

import itertools
import os
import socket
from contextlib import suppress
from typing import Literal

import psutil

from tools.errors import ToolError

LOOPBACK = "127.0.0.1"
Transport = Literal["tcp", "udp"]
# Below those that the kernel gives to outgoing connections (net.ipv4.ip_local_port_range begins with 32768), one of
# which would now and then take a port before its server is started. Each process begins somewhere else: those that
# start one after another, such as pytest-xdist's, hundreds of ports apart, by the golden section.
_FIRST, _LAST, _APART = 20_000, 32_000, 7_417
_steps = itertools.count(os.getpid() * _APART)


def is_free(port: int, transport: Transport = "tcp") -> bool:
    """Whether a server could bind the port now, as servers do: past connections in TIME_WAIT do not count."""
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as probe:
        if transport == "tcp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """`count` different ports, free for TCP and UDP, none of which this process was given before.

    Nothing reserves them, but other processes are given others. Raises ToolError when none is free.
    """
    found: list[int] = []
    for _ in range(_FIRST, _LAST):
        if len(found) == count:
            return found
        port = _FIRST + next(_steps) % (_LAST - _FIRST)
        if is_free(port) and is_free(port, "udp"):
            found.append(port)
    raise ToolError(f"fewer than {count} of the ports from {_FIRST} to {_LAST - 1} are free")


def require_free(port: int, variable: str, transport: Transport = "tcp") -> None:
    """Raises ToolError, which names the holder of the port and the variable to change, when the port is taken."""
    if not is_free(port, transport):
        name = variable.split()[0]
        raise ToolError(f"{variable} {port} is in use by {holder_of(port, transport)}; set {name} in .env")


def holder_of(port: int, transport: Transport = "tcp") -> str:
    """The program that holds the port, as `name (pid n)`, or `another program` when it belongs to another user."""
    for connection in psutil.net_connections(transport):
        is_server = transport == "udp" or connection.status == psutil.CONN_LISTEN
        if is_server and connection.laddr and connection.laddr.port == port and connection.pid is not None:
            with suppress(psutil.NoSuchProcess):
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "another program"
