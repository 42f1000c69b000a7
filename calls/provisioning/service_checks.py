"""What a call needs, each checked separately: settings, services, workers, and the keys of the providers.

A check returns in a few words what it found, and raises Failed with the cure if a call would fail. Providers are
checked through their own SDKs, with what calls use, and at no cost.
"""

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
from amqp.exceptions import NotFound
from asgiref.sync import async_to_sync
from celery import current_app
from django.conf import settings
from django.core import checks
from django.core.cache import caches
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from livekit import api
from redis.exceptions import RedisError

from agents.models import PersonaVersion
from agents.providers import registry
from agents.providers.offers import STAGES
from calls.lifecycle import capacity, leases
from calls.livekit import rooms
from calls.models import Heartbeat, PhoneNumber
from calls.models.heartbeat import SWEEP
from common.broker import BROKER_ERRORS

WITHIN_S = 10.0
CALLS = "calls"  # the queue
WEB_SERVICE = "http://web:8080"  # in compose.yaml

type Check = Callable[[], str]


class Failed(Exception):
    """What is wrong, and what to do about it."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(problem)
        self.cure = cure


class Skipped(Exception):
    """Nothing of the kind is set up, or not here; says for what or where it is needed."""


# --- The product ------------------------------------------------------------------------------------------------------


def project_settings() -> str:
    """Django's checks, and our own."""
    errors = [message for message in checks.run_checks() if message.level >= checks.ERROR]
    if errors:
        more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
        raise Failed(f"{errors[0].msg}{more}", errors[0].hint or "Run manage.py check.")
    return "consistent"


def database() -> str:
    """PostgreSQL answers, and its tables are those of this version."""
    try:
        # past the pool of connections, which would say no more than that it has none
        psycopg.connect(**connection.get_connection_params()).close()
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseError, psycopg.Error) as error:
        problem = " ".join(str(error).split())[:120]
        raise Failed(problem, "Start PostgreSQL, or correct DATABASE_URL.") from error
    if missing:
        raise Failed(f"unapplied migrations: {len(missing)}", "Run manage.py migrate.")
    version = connection.cursor().connection.info.server_version
    return f"PostgreSQL {version // 10_000}, all migrations applied"


def broker() -> str:
    """RabbitMQ answers, and workers listen to the queue of calls."""
    try:
        with current_app.connection_for_read() as amqp:
            amqp.ensure_connection(max_retries=1, timeout=int(WITHIN_S))
            channel: Any = amqp.default_channel  # py-amqp's, which kombu does not name
            declared = channel.queue_declare(CALLS, passive=True)
    except NotFound as error:
        raise Failed(f"the queue {CALLS} does not exist", "Start a worker: it declares the queues.") from error
    except BROKER_ERRORS as error:
        cure = "Start RabbitMQ, or correct CELERY_BROKER_URL."
        raise Failed(f"cannot be reached ({type(error).__name__})", cure) from error
    return f"consumers: {declared.consumer_count}, waiting messages: {declared.message_count}"


def shared_counts() -> str:
    """Redis answers, in which all web processes count logins and requests."""
    if (where := _where_web_processes_are()) and not os.environ.get("CACHE_URL"):  # which they alone are given
        raise Skipped(f"only web processes use it: {where} python manage.py doctor Redis")
    try:
        caches["shared"].get("doctor")
    except RedisError as error:
        cure = "Start Redis, or correct CACHE_URL: until then each web process has limits of its own."
        raise Failed(f"cannot be reached ({type(error).__name__})", cure) from error
    return "answers"


def _where_web_processes_are() -> str:
    """The command that runs another one beside a web process. Empty where none is needed: on this machine."""
    if "KUBERNETES_SERVICE_HOST" in os.environ:  # as in every pod
        return "kubectl exec deployment/web --"
    return "docker compose exec web" if settings.IN_CONTAINERS else ""


def workers() -> str:
    """A worker takes calls, and housekeeping sweeps."""
    now = capacity.measure(leases.LEASE)
    if not now.slots:
        raise Failed("no worker is running: callers hear ringing", "Start one: see Operations, or scripts/scale.sh up.")
    if not Heartbeat.objects.alive(3 * leases.LEASE).filter(holder=SWEEP).exists():
        raise Failed("no sweep: lost calls are not recovered", "Start Celery's beat and a housekeeping worker.")
    if now.slots <= settings.INBOUND_RESERVE:
        return f"{now.free} of {now.slots} slots free, all reserved for callers (INBOUND_RESERVE)"
    return f"{now.free} of {now.slots} slots free"


def numbers() -> str:
    """A caller would be answered."""
    active = PhoneNumber.objects.filter(is_active=True)
    mute = active.filter(persona__live_version=None).first()
    if not active.exists():
        raise Failed("no number is active: every call is rejected", "Add a number in the admin.")
    if mute is not None:
        raise Failed(f"{mute.e164} has an unpublished persona", "Publish its persona in the admin.")
    for version in PersonaVersion.objects.filter(pk__in=active.values("persona__live_version")):
        needed = {version.own_choice(stage).provider for stage in STAGES}
        if unknown := [name for name in needed if not registry.knows(name)]:
            raise Failed(f"{version} needs {unknown[0]}, which has no folder here", "Publish it with another provider.")
    return f"active: {active.count()}"


# --- The way of a call ------------------------------------------------------------------------------------------------


def livekit() -> str:
    """LiveKit accepts the key, and says which rooms are open."""
    try:
        rooms_open = async_to_sync(_rooms_open)()
    except api.ServerError as error:
        cure = "Set LIVEKIT_API_KEY and LIVEKIT_API_SECRET to a key pair of that server."
        problem = "refuses the key" if error.status == 401 else f"refuses: {error.message or error.code}"
        raise Failed(problem, cure) from error
    except (OSError, TimeoutError) as error:
        cure = "Start LiveKit, or correct LIVEKIT_URL."
        raise Failed(f"cannot be reached ({type(error).__name__})", cure) from error
    return f"open rooms: {rooms_open}"


async def _rooms_open() -> int:
    async with rooms.livekit_api() as client:
        return len((await client.room.list_rooms(api.ListRoomsRequest())).rooms)


def sip_trunks() -> str:
    """LiveKit has the trunk and the rule through which telephones come."""
    try:
        found, rules = async_to_sync(_trunks)()
    except (api.ServerError, OSError, TimeoutError) as error:
        problem = error.message if isinstance(error, api.ServerError) else type(error).__name__
        raise Failed(f"cannot be listed: {problem}", "Give LiveKit a Redis; see Set-up, real phone numbers.") from error
    wanted = set(PhoneNumber.objects.filter(is_active=True).values_list("e164", flat=True))
    if not found:
        raise Skipped("no inbound trunk: only needed for real telephones (manage.py setup_livekit_sip)")
    if not rules:
        raise Failed("no dispatch rule: callers reach no room", "Run manage.py setup_livekit_sip.")
    if missing := sorted(wanted - found):
        raise Failed(f"{missing[0]} is not in any inbound trunk", "Run manage.py setup_livekit_sip, or deactivate it.")
    return f"inbound numbers: {len(found)}"


async def _trunks() -> tuple[set[str], int]:
    async with rooms.livekit_api() as client:
        trunks = (await client.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())).items
        rules = (await client.sip.list_dispatch_rule(api.ListSIPDispatchRuleRequest())).items
    return {number for trunk in trunks for number in trunk.numbers}, len(rules)


def public_address() -> str:
    """The web process answers under the address that LiveKit and Twilio send webhooks to."""
    base = settings.PUBLIC_BASE_URL
    if settings.IN_CONTAINERS and urlsplit(base).hostname in ("localhost", "127.0.0.1"):
        base = WEB_SERVICE  # localhost is the container itself; the port is published on the machine for its browsers
    url = f"{base}/health"
    try:
        answer = httpx.get(url, timeout=WITHIN_S)
        is_ours = answer.status_code == 200 and answer.json().get("status") == "ok"
    except (httpx.HTTPError, ValueError, AttributeError) as error:
        cure = "Start the web process and the proxy before it, or correct PUBLIC_BASE_URL."
        raise Failed(f"{url} does not answer ({type(error).__name__})", cure) from error
    if not is_ours:
        raise Failed(f"{url} answers with status {answer.status_code}", "Correct PUBLIC_BASE_URL, or the proxy.")
    return f"{base} answers"
