"""Where one set of private services lives: its directory, ports and passwords, taken from the environment.

A second set (the tests' own) is another Instance with another directory and other ports.
"""

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tools.errors import ToolError
from tools.local.ports import LOOPBACK

ROOT = Path(__file__).resolve().parents[2]
USER = "callcenter"  # the role in Postgres and the user in RabbitMQ
READER = "callcenter_reader"  # the role in Postgres for dashboards; `manage.py migrate` says what it may read
DATABASE = "callcenter"
# sun_path holds 107 characters (man 7 unix), and "/postgres/run/.s.PGSQL.65535" comes behind the data directory.
_LONGEST_DATA_DIR = 107 - 30


@dataclass(frozen=True)
class Instance:
    """Addresses and secrets of one set of services. Ports are on 127.0.0.1. Paths are absolute."""

    state_dir: Path
    web_port: int
    postgres_port: int
    postgres_password: str
    rabbitmq_port: int
    rabbitmq_epmd_port: int
    rabbitmq_dist_port: int
    rabbitmq_password: str
    redis_port: int
    redis_password: str
    livekit_port: int
    livekit_udp_port: int
    livekit_api_key: str
    livekit_api_secret: str
    # False gives up safety against power cuts for speed: for tests
    durable: bool = True
    # None: no role for dashboards
    postgres_reader_password: str | None = None
    # None: RabbitMQ shows no metrics
    rabbitmq_metrics_port: int | None = None
    prometheus_port: int = 9090
    metrics_token: str = ""
    # where workers write down their metrics' ports; by default in the state directory
    metrics_dir: Path | None = None

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] | None = None, state_dir: Path | None = None, *, durable: bool = True
    ) -> "Instance":
        """Reads the variables of env.template. RabbitMQ's two helper ports are the next two after RABBITMQ_PORT.

        Raises ToolError when a variable is missing or is not a port.
        """
        environ = os.environ if environ is None else environ
        rabbitmq_port = _port(environ, "RABBITMQ_PORT", highest=65533)
        return cls(
            state_dir=state_dir or ROOT / ".local",
            web_port=_port(environ, "WEB_PORT"),
            postgres_port=_port(environ, "POSTGRES_PORT"),
            postgres_password=_required(environ, "POSTGRES_PASSWORD", unless=("DATABASE_URL",)),
            rabbitmq_port=rabbitmq_port,
            rabbitmq_epmd_port=rabbitmq_port + 1,
            rabbitmq_dist_port=rabbitmq_port + 2,
            rabbitmq_password=_required(environ, "RABBITMQ_PASSWORD", unless=("CELERY_BROKER_URL",)),
            redis_port=_port(environ, "REDIS_PORT"),
            redis_password=_required(environ, "REDIS_PASSWORD", unless=("CACHE_URL", "LIVEKIT_URL")),
            livekit_port=_port(environ, "LIVEKIT_PORT"),
            livekit_udp_port=_port(environ, "LIVEKIT_UDP_PORT"),
            livekit_api_key=_required(environ, "LIVEKIT_API_KEY", unless=("LIVEKIT_URL",)),
            livekit_api_secret=_required(environ, "LIVEKIT_API_SECRET", unless=("LIVEKIT_URL",)),
            durable=durable,
            postgres_reader_password=environ.get("POSTGRES_READER_PASSWORD") or None,
            rabbitmq_metrics_port=_port_or_none(environ, "RABBITMQ_METRICS_PORT"),
            prometheus_port=_port_or_none(environ, "PROMETHEUS_PORT") or 9090,
            metrics_token=environ.get("METRICS_TOKEN", ""),
            metrics_dir=Path(environ["METRICS_DIR"]) if environ.get("METRICS_DIR") else None,
        )

    @property
    def log_dir(self) -> Path:
        return self.state_dir / "logs"

    @property
    def data_dir(self) -> Path:
        """Where the services keep their data: the state directory, or a place outside it when that cannot work.

        It cannot when root hands a service to a system user who may not enter it (a checkout below /root), when its
        path is too long for a unix socket, or holds white space, which RabbitMQ's start scripts do not take.
        """
        path = self.state_dir
        unfit = len(os.fsencode(path)) > _LONGEST_DATA_DIR or len(str(path).split()) != 1
        if not unfit and not (os.geteuid() == 0 and not _everyone_may_enter(path)):
            return path
        key = hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
        if os.geteuid() == 0:
            return Path("/var/lib/callcenter-local") / key
        return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "callcenter-local" / key

    @property
    def database_url(self) -> str:
        password = quote(self.postgres_password, safe="")
        return f"postgres://{USER}:{password}@{LOOPBACK}:{self.postgres_port}/{DATABASE}"

    @property
    def broker_url(self) -> str:
        return f"amqp://{USER}:{quote(self.rabbitmq_password, safe='')}@{LOOPBACK}:{self.rabbitmq_port}//"

    @property
    def livekit_url(self) -> str:
        return f"ws://{LOOPBACK}:{self.livekit_port}"


def make_enterable(directory: Path) -> None:
    """Make the directory and those above it so that a service's system user may enter, whatever the umask is."""
    if not directory.exists():
        make_enterable(directory.parent)
        directory.mkdir(exist_ok=True)
        directory.chmod(0o755)


def _everyone_may_enter(path: Path) -> bool:
    existing = [folder for folder in (path, *path.parents) if folder.exists()]
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in existing)


def _required(environ: Mapping[str, str], name: str, unless: tuple[str, ...] = ()) -> str:
    """`unless` names the URLs of services elsewhere, all of which together make the variable needless."""
    value = environ.get(name, "")
    if not value and not (unless and all(environ.get(url) for url in unless)):
        raise ToolError(f"{name} is not set; run scripts/setup, or set {name} in .env")
    return value


def _port(environ: Mapping[str, str], name: str, highest: int = 65535) -> int:
    text = _required(environ, name)
    if not text.isdecimal() or not 1 <= int(text) <= highest:
        raise ToolError(f"{name} must be a port from 1 to {highest}, not {text!r}; set {name} in .env")
    return int(text)


def _port_or_none(environ: Mapping[str, str], name: str) -> int | None:
    """None when it is 0, or not set at all."""
    return None if environ.get(name, "") in ("", "0") else _port(environ, name)
