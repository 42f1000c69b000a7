"""Private Redis, in which LiveKit keeps SIP trunks and dispatch rules."""

import socket
from pathlib import Path

from tools.local.ports import LOOPBACK, Transport
from tools.local.process import Daemon
from tools.local.servers.service import Service, program


class Redis(Service):
    name = "redis"
    title = "Redis"
    system_user = "redis"

    def ports(self) -> list[tuple[int, str, Transport]]:
        return [(self.instance.redis_port, "REDIS_PORT", "tcp")]

    @property
    def settings_file(self) -> Path:
        return self.directory / "redis.conf"

    def prepare(self) -> None:
        self.make_directory(self.directory)
        # in a file, because a command line shows in the list of processes
        self.write(self.settings_file, f'requirepass "{_quoted(self.instance.redis_password)}"\n')

    def daemon(self) -> Daemon:
        return Daemon(
            command=[
                program("redis-server"),
                str(self.settings_file),
                *("--port", str(self.instance.redis_port)),
                *("--bind", LOOPBACK),
                *("--dir", str(self.directory)),
                *("--appendonly", "yes" if self.instance.durable else "no"),
                *("--save", ""),
                *("--daemonize", "no"),
            ],
            pid_file=self.instance.state_dir / "redis.pid",
            log_file=self.log_file,
            directory=self.directory,
            user=self.run_as(),
        )

    def answers(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.instance.redis_port), timeout=1) as connection:
                connection.sendall(_command("AUTH", self.instance.redis_password))
                return connection.recv(64).startswith(b"+OK")
        except OSError:
            return False


def _command(*words: str) -> bytes:
    """A command as https://redis.io/docs/latest/develop/reference/protocol-spec/ writes it: an array of strings."""
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def _quoted(text: str) -> str:
    """The text inside a quoted argument of redis.conf."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
