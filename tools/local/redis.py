"""Private Redis, in which LiveKit keeps SIP trunks and dispatch rules."""

import socket

from tools.local.ports import LOOPBACK, Transport
from tools.local.process import Daemon
from tools.local.service import Service, program


class Redis(Service):
    name = "redis"
    title = "Redis"
    system_user = "redis"

    def ports(self) -> list[tuple[int, str, Transport]]:
        return [(self.instance.redis_port, "REDIS_PORT", "tcp")]

    def prepare(self) -> None:
        self.make_directory(self.directory)

    def daemon(self) -> Daemon:
        return Daemon(
            command=[
                program("redis-server"),
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
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
