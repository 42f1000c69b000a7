"""Private RabbitMQ, with an Erlang port mapper (epmd) of its own: stopping both does no harm to others."""

import base64
import hashlib
import json
import os
import secrets
from pathlib import Path

import amqp

from tools.local.instance import ROOT, USER, Instance
from tools.local.ports import LOOPBACK, Transport
from tools.local.process import Daemon
from tools.local.servers.service import Service, program

NODE = "callcenter@localhost"
# Erlang's schedulers would look for work for a while before they sleep: https://www.rabbitmq.com/docs/runtime
SLEEPS = "+sbwt none +sbwtdcpu none +sbwtdio none"
SHARED_SETTINGS = ROOT / "docker/rabbitmq/rabbitmq.conf"
PLUGINS = ROOT / "docker/rabbitmq/enabled_plugins"
# Debian's wrapper in /usr/sbin changes user and directory; the script behind it does not.
START_SCRIPT_FOLDERS = (Path("/usr/lib/rabbitmq/bin"), Path("/opt/rabbitmq/sbin"))


class RabbitMQ(Service):
    name = "rabbitmq"
    title = "RabbitMQ"
    system_user = "rabbitmq"

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.home = self.directory / "home"
        self.settings = self.directory / "rabbitmq.conf"
        self.definitions = self.directory / "definitions.json"
        self.plugins = self.directory / "enabled_plugins"

    def ports(self) -> list[tuple[int, str, Transport]]:
        instance = self.instance
        found: list[tuple[int, str, Transport]] = [
            (instance.rabbitmq_port, "RABBITMQ_PORT", "tcp"),
            (instance.rabbitmq_dist_port, "RABBITMQ_PORT + 2:", "tcp"),
        ]
        if instance.rabbitmq_metrics_port:
            found.append((instance.rabbitmq_metrics_port, "RABBITMQ_METRICS_PORT", "tcp"))
        if self._epmd().pid() is None:
            found.append((instance.rabbitmq_epmd_port, "RABBITMQ_PORT + 1:", "tcp"))
        return found

    def prepare(self) -> None:
        for folder in (self.directory, self.home, self.directory / "mnesia", self.directory / "log"):
            self.make_directory(folder)
        self.write(self.settings, SHARED_SETTINGS.read_text() + self._own_settings())
        self.write(self.definitions, json.dumps(self._definitions()))
        # The management plugin would add ten seconds to a start and five to a stop.
        self.write(self.plugins, PLUGINS.read_text() if self.instance.rabbitmq_metrics_port else "[].\n")
        if self._epmd().pid() is None:
            self._epmd().start()

    def daemon(self) -> Daemon:
        return Daemon(
            command=[_start_script()],
            pid_file=self.instance.state_dir / "rabbitmq.pid",
            log_file=self.log_file,
            directory=self.directory,
            environment=self._environment(),
            user=self.run_as(),
        )

    def answers(self) -> bool:
        connection = amqp.Connection(
            host=f"{LOOPBACK}:{self.instance.rabbitmq_port}",
            userid=USER,
            password=self.instance.rabbitmq_password,
            connect_timeout=1,
            read_timeout=2,
        )
        try:
            connection.connect()
        except (OSError, amqp.AMQPError):
            return False
        finally:
            connection.close()
        return True

    def stop_daemons(self) -> None:
        super().stop_daemons()
        self._epmd().stop()

    def _epmd(self) -> Daemon:
        """In the foreground, on loopback: the one that Erlang starts by itself would outlive us on all interfaces."""
        return Daemon(
            command=[program("epmd"), "-port", str(self.instance.rabbitmq_epmd_port), "-address", LOOPBACK],
            pid_file=self.instance.state_dir / "epmd.pid",
            log_file=self.log_file,
            directory=self.directory,
            user=self.run_as(),
        )

    def _own_settings(self) -> str:
        settings = f"""
listeners.tcp.local = {LOOPBACK}:{self.instance.rabbitmq_port}
load_definitions = {self.definitions}
"""
        if self.instance.rabbitmq_metrics_port:
            settings += f"prometheus.tcp.ip = {LOOPBACK}\nprometheus.tcp.port = {self.instance.rabbitmq_metrics_port}\n"
        return settings

    def _definitions(self) -> dict[str, object]:
        """Read at every start, so a changed password takes effect. With definitions there is no guest user."""
        return {
            "users": [
                {
                    "name": USER,
                    "password_hash": _password_hash(self.instance.rabbitmq_password),
                    "hashing_algorithm": "rabbit_password_hashing_sha256",
                    "tags": "administrator",
                }
            ],
            "vhosts": [{"name": "/"}],
            "permissions": [{"user": USER, "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
        }

    def _environment(self) -> dict[str, str]:
        folder = str(self.directory)
        return {
            "HOME": str(self.home),  # the Erlang cookie lives here
            "RUNNING_UNDER_SYSTEMD": "true",  # makes the start script become the broker, so that its pid is ours
            "ERL_EPMD_PORT": str(self.instance.rabbitmq_epmd_port),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_CRASH_DUMP_SECONDS": "0",
            "RABBITMQ_NODENAME": NODE,
            "RABBITMQ_DIST_PORT": str(self.instance.rabbitmq_dist_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-kernel inet_dist_use_interface {{127,0,0,1}} +S 2:2 {SLEEPS}",
            "RABBITMQ_BASE": folder,
            "RABBITMQ_CONFIG_BASE": folder,
            "RABBITMQ_CONF_ENV_FILE": str(self.directory / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.settings),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.directory / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.plugins),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.directory / "schema"),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(self.directory / "broker.pid"),
        }


def _start_script() -> str:
    for folder in START_SCRIPT_FOLDERS:
        if os.access(folder / "rabbitmq-server", os.X_OK):
            return str(folder / "rabbitmq-server")
    return program("rabbitmq-server")


def _password_hash(password: str) -> str:
    """Salt and SHA-256 as in https://www.rabbitmq.com/docs/passwords#computing-password-hash."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
