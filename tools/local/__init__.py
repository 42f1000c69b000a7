"""Private PostgreSQL, RabbitMQ, Redis and LiveKit for development, the demo and the tests: no container engine needed.

Everything lives under `.local/` on the ports of `.env`. The machine's own instances are never touched.
"""

import os
from collections.abc import Mapping

from tools.local.instance import ROOT, Instance
from tools.local.servers.livekit import LiveKit
from tools.local.servers.postgres import Postgres
from tools.local.servers.prometheus import Prometheus
from tools.local.servers.rabbitmq import RabbitMQ
from tools.local.servers.redis import Redis
from tools.local.servers.service import Service

__all__ = [
    "ROOT",
    "Instance",
    "LiveKit",
    "Postgres",
    "Prometheus",
    "RabbitMQ",
    "Redis",
    "Service",
    "services",
]

# A service, and the variables that name others to be used in its place. LiveKit and the web processes use Redis.
_REPLACED_BY: list[tuple[type[Service], tuple[str, ...]]] = [
    (Postgres, ("DATABASE_URL",)),
    (RabbitMQ, ("CELERY_BROKER_URL",)),
    (Redis, ("LIVEKIT_URL", "CACHE_URL")),
    (LiveKit, ("LIVEKIT_URL",)),
]


def services(instance: Instance, environ: Mapping[str, str] | None = None) -> list[Service]:
    """The private services in the order to start them, without those that a URL in the environment replaces."""
    environ = os.environ if environ is None else environ
    return [service(instance) for service, urls in _REPLACED_BY if not all(environ.get(url) for url in urls)]
