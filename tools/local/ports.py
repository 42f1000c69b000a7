"""TCP and UDP ports of 127.0.0.1: finding free ones, and saying who holds a taken one."""

import itertools
import os
import socket
from pathlib import Path
from typing import Literal

from tools.errors import ToolError

LOOPBACK = "127.0.0.1"
Transport = Literal["tcp", "udp"]
# Below those that the kernel gives to outgoing connections (net.ipv4.ip_local_port_range begins with 32768), one of
# which would now and then take a port before its server is started. Each process begins somewhere else.
_FIRST, _LAST, _APART = 20_000, 32_000, 41
_steps = itertools.count(os.getpid() * _APART)
_LISTEN_STATE = "0A"  # include/net/tcp_states.h: TCP_LISTEN


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
    sockets = {f"socket:[{inode}]" for inode in _inodes(port, transport)}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(fd.readlink()) in sockets for fd in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:  # it ended meanwhile, or belongs to another user
            continue
    return "another program"


def _inodes(port: int, transport: Transport) -> list[str]:
    found = []
    for table in (Path(f"/proc/net/{transport}"), Path(f"/proc/net/{transport}6")):
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            listening = transport == "udp" or fields[3] == _LISTEN_STATE
            if listening and int(fields[1].rsplit(":", 1)[1], 16) == port:
                found.append(fields[9])
    return found
