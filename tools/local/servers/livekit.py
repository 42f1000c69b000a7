"""Private LiveKit server, on loopback only. It needs the private Redis to be up."""

import http.client
from pathlib import Path
from typing import Any

import yaml

from tools.local.instance import ROOT
from tools.local.ports import LOOPBACK, Transport
from tools.local.process import Daemon
from tools.local.servers.service import Service, program

SHARED_SETTINGS = ROOT / "docker/livekit/livekit.yaml"


class LiveKit(Service):
    name = "livekit"
    title = "LiveKit"

    def ports(self) -> list[tuple[int, str, Transport]]:
        return [
            (self.instance.livekit_port, "LIVEKIT_PORT", "tcp"),
            (self.instance.livekit_udp_port, "LIVEKIT_UDP_PORT", "udp"),
        ]

    @property
    def settings_file(self) -> Path:
        return self.directory / "livekit.yaml"

    def prepare(self) -> None:
        self.make_directory(self.directory)
        self.write(self.settings_file, yaml.safe_dump(self.settings(), sort_keys=False))

    def settings(self) -> dict[str, Any]:
        """The shared settings, with this instance's addresses and keys."""
        instance = self.instance
        settings: dict[str, Any] = yaml.safe_load(SHARED_SETTINGS.read_text())
        settings |= {
            "port": instance.livekit_port,
            "bind_addresses": [LOOPBACK],
            "keys": {instance.livekit_api_key: instance.livekit_api_secret},
            "redis": {"address": f"{LOOPBACK}:{instance.redis_port}", "password": instance.redis_password},
            "webhook": {
                "urls": [f"http://{LOOPBACK}:{instance.web_port}/webhooks/livekit"],
                "api_key": instance.livekit_api_key,
            },
        }
        settings["rtc"] |= {
            "udp_port": instance.livekit_udp_port,
            "tcp_port": 0,  # none: it would listen on all interfaces, and on loopback UDP always passes
            "node_ip": LOOPBACK,
            "enable_loopback_candidate": True,
            "interfaces": {"includes": ["lo"]},
        }
        return settings

    def command(self) -> list[str]:
        return [program("livekit-server", ROOT / ".local/bin"), "--config", str(self.settings_file)]

    def daemon(self) -> Daemon:
        return Daemon(
            command=self.command(),
            pid_file=self.instance.state_dir / "livekit.pid",
            log_file=self.log_file,
            directory=self.directory,
            user=self.run_as(),
        )

    def stop_daemons(self) -> None:
        """The first signal waits for participants to leave and is lost while the server starts; the second forces."""
        self.daemon().stop(self.stop_signal, repeat_after_s=1.0)

    def answers(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self.instance.livekit_port, timeout=1)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()
