"""LiveKit's SIP service, on loopback. Its program `livekit-sip` is in LIVEKIT_SIP or on PATH, or nowhere."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.product.stack import eventually
from tests.services import INSTANCE
from tools.local.ports import LOOPBACK, free_ports
from tools.local.process import Daemon

_RTP_PORTS = 40


def program() -> str | None:
    """The path of `livekit-sip`; None on a machine that has none. Users get it with the image livekit/sip."""
    return shutil.which(os.environ.get("LIVEKIT_SIP") or "livekit-sip")


@contextmanager
def sip_service(directory: Path) -> Iterator[int]:
    """The service, connected to the tests' LiveKit; its port for SIP."""
    sip, health, rtp = free_ports(3)
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "livekit-sip.yaml"
    config.write_text(yaml.safe_dump(_settings(sip, health, rtp)))
    config.chmod(0o600)
    daemon = Daemon(
        command=[program() or "livekit-sip", "--config", str(config)],
        pid_file=directory / "livekit-sip.pid",
        log_file=directory / "livekit-sip.log",
        directory=directory,
    )
    daemon.start()
    try:
        eventually(lambda: daemon.has_logged("service ready"), "livekit-sip")
        yield sip
    finally:
        daemon.stop()


def _settings(sip: int, health: int, rtp: int) -> dict[str, object]:
    return {
        "api_key": INSTANCE.livekit_api_key,
        "api_secret": INSTANCE.livekit_api_secret,
        "ws_url": INSTANCE.livekit_url,
        "redis": {"address": f"{LOOPBACK}:{INSTANCE.redis_port}", "password": INSTANCE.redis_password},
        "sip_port": sip,
        "health_port": health,
        "rtp_port": f"{rtp}-{rtp + _RTP_PORTS}",
        "listen_ip": LOOPBACK,
        "nat_1_to_1_ip": LOOPBACK,
        "max_cpu_utilization": 1,  # a test machine is busy, and must not be refused a call for it
        "logging": {"level": "debug"},  # only then it says that it is ready
    }
