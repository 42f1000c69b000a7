"""What each variable of env.template may hold: read before anything starts, by every process and every script.

Without Django, so that scripts which load no settings ask here too. Whether variables fit together is for
`callcenter.checks`.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_network
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from callcenter.environment.providers import known_providers, price_variables

BOOLEANS = frozenset({"true", "on", "ok", "y", "yes", "1", "false", "off", "n", "no", "0"})  # django-environ's
_HOST = re.compile(r"\*|\.?[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\]")
_RATE = re.compile(r"[1-9]\d*/(s|sec|second|m|min|minute|h|hour|d|day)")


@dataclass(frozen=True, slots=True)
class Rule:
    """`allows` says whether a value can be used, `cure` what to write in its place. A secret is never shown."""

    cure: str
    allows: Callable[[str], bool]
    may_be_empty: bool = False
    secret: bool = False


def number(lowest: int, highest: int, of: str) -> Rule:
    """A whole number between two others; `of` says what of."""

    def allows(value: str) -> bool:
        return value.isascii() and value.isdecimal() and lowest <= int(value) <= highest

    return Rule(f"write {of} from {lowest} to {highest}", allows)


def port(lowest: int = 1, highest: int = 65535) -> Rule:
    """A TCP or UDP port; 0 where it switches something off."""
    return number(lowest, highest, "a port")


def choice(*names: str) -> Rule:
    """One of these names."""
    return Rule(f"write {', '.join(names[:-1])} or {names[-1]}", lambda value: value in names)


def url(*schemes: str, example: str, may_be_empty: bool = True, secret: bool = False, needs_host: bool = True) -> Rule:
    """An address with one of these schemes."""

    def allows(value: str) -> bool:
        try:
            parts = urlsplit(value)
            _ = parts.port  # raises when it is no number
        except ValueError:
            return False
        return (
            parts.scheme in schemes
            and value.startswith(f"{parts.scheme}://")
            and bool(parts.hostname or not needs_host)
        )

    return Rule(f"write an address such as {example}", allows, may_be_empty, secret)


def origin(*schemes: str, example: str) -> Rule:
    """An address of a whole site: a scheme, a host and perhaps a port."""
    address = url(*schemes, example=example, may_be_empty=False)

    def allows(value: str) -> bool:
        rest = value.partition("://")[2]
        return address.allows(value) and not set("/?#@") & set(rest.removesuffix("/"))

    return replace(address, cure=f"{address.cure}, without a path", allows=allows)


def several(one: Callable[[str], bool], cure: str, *, may_be_empty: bool = True) -> Rule:
    """Values separated by commas."""
    return Rule(cure, lambda value: all(one(each.strip()) for each in value.split(",") if each), may_be_empty)


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_time_zone(text: str) -> bool:
    try:
        ZoneInfo(text.strip())
    except (ZoneInfoNotFoundError, ValueError, OSError):  # not known, or no name at all, or a folder of them
        return False
    return True


def _is_price(text: str) -> bool:
    try:
        return 0 <= float(text) < math.inf
    except ValueError:
        return False


ANYTHING = Rule("", lambda value: True, may_be_empty=True)
SECRET = replace(ANYTHING, secret=True)  # how strong it is, callcenter.environment.safe_start says
NEEDED = Rule("write a value", bool)
BOOLEAN = Rule("write true or false", lambda value: value.lower() in BOOLEANS)
RATE = Rule("write a rate, such as 30/min", lambda value: _RATE.fullmatch(value) is not None)
PRICE = Rule("write US cents, such as 0.65", _is_price, may_be_empty=True)
HTTP = url("http", "https", example="https://api.example.com")
SIP_DOMAIN = several(
    lambda host: _HOST.fullmatch(host) is not None,
    "write a host name such as our-center.pstn.twilio.com",
)
SIP_URI = several(
    lambda uri: re.fullmatch(r"sips?:\S+", uri) is not None,
    "write sip: and a host, such as sip:sip.example.com",
)
HOSTS = several(
    lambda host: _HOST.fullmatch(host) is not None,
    "write the host names of this site without a scheme or port, separated by commas, such as calls.example.com",
    may_be_empty=False,
)
COUNTRIES = several(
    lambda country: re.fullmatch(r"\*|[A-Za-z]{2}", country) is not None,
    "write ISO codes of countries, separated by commas, such as US,CA, or * for all",
)
PREFIXES = several(
    lambda prefix: re.fullmatch(r"\+[1-9][0-9]{0,14}", prefix) is not None,
    "write number prefixes with the country code, separated by commas, such as +1900,+4930",
)
NETWORKS = several(_is_network, "write networks such as 10.0.3.0/24, separated by commas")


def _of_providers() -> dict[str, Rule]:
    """The variables that the manifests in workers/providers define."""
    found: dict[str, Rule] = {}
    for provider in known_providers():
        for who in (provider.prefix, f"FALLBACK_{provider.prefix}"):
            found |= {f"{who}_API_KEY": SECRET, f"{who}_BASE_URL": HTTP}
        found |= dict.fromkeys(price_variables(provider), PRICE)
    return found


RULES: dict[str, Rule] = {
    "DJANGO_SECRET_KEY": SECRET,
    "DJANGO_DEBUG": BOOLEAN,
    "ALLOWED_HOSTS": HOSTS,
    "PUBLIC_BASE_URL": origin("http", "https", example="https://calls.example.com"),
    "WEB_PORT": port(),
    "TRUSTED_PROXIES": NETWORKS,
    "ADMIN_REQUIRES_OTP": BOOLEAN,
    "TIME_ZONE": Rule("write a name such as Europe/Berlin or UTC", _is_time_zone, may_be_empty=True),
    "LOGIN_RATE": RATE,
    "DISPATCH_RATE": RATE,
    "ADMIN_USERNAME": ANYTHING,
    "ADMIN_PASSWORD": SECRET,
    "DATABASE_URL": url(
        *("postgres", "postgresql", "psql", "pgsql"),
        example="postgres://user:password@host:5432/name",
        secret=True,
        needs_host=False,  # a socket
    ),
    "POSTGRES_PORT": port(),
    "POSTGRES_PASSWORD": SECRET,
    "CELERY_BROKER_URL": url("amqp", "amqps", example="amqp://user:password@host:5672/vhost", secret=True),
    "RABBITMQ_PORT": port(highest=65533),  # the next two are its helpers'
    "RABBITMQ_PASSWORD": SECRET,
    "LIVEKIT_URL": url("ws", "wss", example="wss://livekit.example.com"),
    "LIVEKIT_PUBLIC_URL": url("ws", "wss", example="wss://livekit.example.com"),
    "LIVEKIT_PORT": port(),
    "LIVEKIT_UDP_PORT": port(),
    "LIVEKIT_API_KEY": ANYTHING,
    "LIVEKIT_API_SECRET": SECRET,
    "CACHE_URL": url("redis", "rediss", example="redis://:password@host:6379/1", secret=True),
    "REDIS_PORT": port(),
    "REDIS_PASSWORD": SECRET,
    "TWILIO_ACCOUNT_SID": ANYTHING,
    "TWILIO_AUTH_TOKEN": SECRET,
    "TWILIO_BASE_URL": HTTP,
    "TWILIO_SIP_DOMAIN": SIP_DOMAIN,
    "TWILIO_SIP_USERNAME": ANYTHING,
    "TWILIO_SIP_PASSWORD": SECRET,
    "LIVEKIT_SIP_URI": SIP_URI,
    **_of_providers(),
    "SIMULATOR_PORT": port(),
    "SIMULATOR_SPEECH": choice("local", "scripted"),
    "SIMULATOR_PROFILE": choice("none", "published"),
    "SIMULATOR_LLM_URL": HTTP,
    "SIMULATOR_LLM_MODEL": ANYTHING,
    "TOOL_SIGNING_KEY": SECRET,
    "TOOL_ALLOWED_NETWORKS": NETWORKS,
    "FIELD_ENCRYPTION_KEYS": SECRET,
    "CALLS_KEPT_DAYS": number(0, 36_500, "days"),
    "OUTBOUND_COUNTRIES": COUNTRIES,
    "OUTBOUND_ALLOWED_PREFIXES": PREFIXES,
    "OUTBOUND_DENIED_PREFIXES": PREFIXES,
    "OUTBOUND_DAILY_LIMIT": number(0, 10_000_000, "calls per day"),
    "MAX_CONCURRENT_AGENTS": number(1, 100_000, "live calls in total"),
    "INBOUND_RESERVE": number(0, 100_000, "slots reserved for callers"),
    "WORKER_SCALE_FACTOR": number(1, 100, "calls per worker"),
    "DRAIN_SECONDS": number(0, 86_400, "seconds"),
    # samples at 16 kHz: 160 is 10 ms, 320 is 20 ms, 512 is 32 ms and costs least
    "AUDIO_BUFFER_SIZE": choice("160", "320", "512"),
    "SPOOL_DIR": ANYTHING,
    "FLOWER_PORT": port(),
    "FLOWER_USERNAME": ANYTHING,
    "FLOWER_PASSWORD": SECRET,
    "LOG_LEVEL": choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    "METRICS_TOKEN": SECRET,
    "METRICS_ALLOWED_NETWORKS": NETWORKS,
    "METRICS_PORT": port(lowest=0),
    "METRICS_HOST": Rule("write an address or a host name", lambda value: " " not in value and bool(value)),
    "METRICS_DIR": ANYTHING,
    "RABBITMQ_METRICS_PORT": port(lowest=0),
    "PROMETHEUS_PORT": port(),
    "GRAFANA_PORT": port(),
    "GRAFANA_PASSWORD": SECRET,
    "POSTGRES_READER_PASSWORD": SECRET,
    "COMPOSE_FILE": NEEDED,
    "COMPOSE_PROFILES": ANYTHING,
    "IN_CONTAINERS": BOOLEAN,
    "SERVICE_CPUS": Rule("write a number of cores, such as 4", lambda v: _is_price(v) and float(v) > 0),
    "SIP_USE_EXTERNAL_IP": BOOLEAN,
}


def problems(environment: Mapping[str, str]) -> list[str]:
    """A line for each variable whose value cannot be used: its name, the value unless it is a secret, and the cure.

    A variable that is not set has its default.
    """
    found = ((name, environment[name], rule) for name, rule in RULES.items() if name in environment)
    return [_line(name, value, rule) for name, value, rule in found if not _fits(value, rule)]


def refuse_unusable(environment: Mapping[str, str]) -> None:
    """Raise SystemExit with those lines, of which neither Django, Celery nor uvicorn makes a traceback."""
    if lines := problems(environment):
        raise SystemExit("\n".join(lines))


def _fits(value: str, rule: Rule) -> bool:
    return rule.may_be_empty if not value.strip() else rule.allows(value)


def _line(name: str, value: str, rule: Rule) -> str:
    if not value.strip():
        return f"{name} is empty: {rule.cure}, or leave the line out."
    return f"{name} {'(its value is a secret)' if rule.secret else f'is {value!r}'}: {rule.cure}."
