"""System checks: a required or contradictory setting is named, with its cure, before anything starts."""

import re
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

REQUIRED = (
    "DJANGO_SECRET_KEY",
    "LIVEKIT_API_KEY",
    "LIVEKIT_API_SECRET",
    "DEEPGRAM_API_KEY",
    "ELEVENLABS_API_KEY",
    "OPENAI_API_KEY",
)
URLS = {
    "PUBLIC_BASE_URL": ("http", "https"),
    "LIVEKIT_URL": ("ws", "wss"),
    "DEEPGRAM_BASE_URL": ("http", "https"),
    "ELEVENLABS_BASE_URL": ("http", "https"),
    "OPENAI_BASE_URL": ("http", "https"),
    "FALLBACK_DEEPGRAM_BASE_URL": ("http", "https"),
    "FALLBACK_ELEVENLABS_BASE_URL": ("http", "https"),
    "FALLBACK_OPENAI_BASE_URL": ("http", "https"),
}

_RATE = re.compile(r"[1-9]\d*/(s|sec|second|m|min|minute|h|hour|d|day)")

# The real providers, where the simulator's key means nothing.
PROVIDERS = {"DEEPGRAM": "api.deepgram.com", "ELEVENLABS": "api.elevenlabs.io", "OPENAI": "api.openai.com"}


def _error(number: int, message: str, hint: str) -> Error:
    return Error(message, hint=hint, id=f"callcenter.E{number:03}")


@register()
def required_settings(**_: Any) -> list[Error]:
    """Every key that a call needs is set."""
    return [
        _error(1, f"{name} is not set.", f"Set {name} in .env or the environment; scripts/setup fills it for a laptop.")
        for name in REQUIRED
        if not _value(name)
    ]


def _value(name: str) -> str:
    try:
        return str(getattr(settings, name.removeprefix("DJANGO_")))
    except ImproperlyConfigured:  # Django's answer to an empty SECRET_KEY
        return ""


def _host(url: str) -> str:
    """The URL's host; empty when there is none, or when it is no URL at all."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


@register()
def url_settings(**_: Any) -> list[Error]:
    """Every URL has a scheme that fits and a host."""
    errors = []
    for name, schemes in URLS.items():
        url = getattr(settings, name)
        if not url.startswith(tuple(f"{scheme}://" for scheme in schemes)) or not _host(url):
            errors.append(_error(2, f"{name} is not a URL with {' or '.join(schemes)}.", f"Correct {name} in .env."))
    return errors


@register()
def contradictory_settings(**_: Any) -> list[Error]:
    """Settings that only make sense together."""
    errors = []
    for name, host in PROVIDERS.items():
        key, url = f"{name}_API_KEY", f"{name}_BASE_URL"
        if getattr(settings, key) == "simulator" and _host(getattr(settings, url)) == host:
            message = f"{key} is the simulator's, but {url} is the real provider."
            errors.append(_error(4, message, f"Set {key} to your key, or {url} to the simulator."))
    twilio = {name: getattr(settings, name) for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN")}
    if any(twilio.values()) and not all(twilio.values()):
        missing = next(name for name, value in twilio.items() if not value)
        errors.append(_error(4, f"{missing} is not set.", "Set both of Twilio's credentials, or none of them."))
    return errors


@register()
def metrics_settings(**_: Any) -> list[Error]:
    """Networks and ports of the metrics can be used."""
    errors = []
    for network in settings.METRICS_ALLOWED_NETWORKS:
        try:
            ip_network(network, strict=False)
        except ValueError:
            message = f"METRICS_ALLOWED_NETWORKS: {network} is not a network."
            errors.append(_error(5, message, "Write networks as 10.0.3.0/24, separated by commas."))
    if not 0 <= settings.METRICS_PORT <= 65535:
        errors.append(_error(5, "METRICS_PORT is not between 0 and 65535.", "0 exports no metrics of workers."))
    return errors


@register()
def door_settings(**_: Any) -> list[Error]:
    """Networks, rates and times of what is let in and out can be used."""
    errors = []
    for network in settings.TOOL_ALLOWED_NETWORKS:
        try:
            ip_network(network, strict=False)
        except ValueError:
            message = f"TOOL_ALLOWED_NETWORKS: {network} is not a network."
            errors.append(_error(6, message, "Write networks as 10.0.7.0/24, separated by commas."))
    for name in ("LOGIN_RATE", "DISPATCH_RATE"):
        if not _RATE.fullmatch(getattr(settings, name)):
            errors.append(_error(6, f"{name} is not a rate.", "Write how many in which time: 30/min."))
    if settings.CALLS_KEPT_DAYS < 0:
        errors.append(_error(6, "CALLS_KEPT_DAYS is less than 0.", "0 keeps what was said for ever."))
    return errors


@register()
def proxy_settings(**_: Any) -> list[CheckMessage]:
    """Proxies are networks, and there is one where the site speaks https."""
    found: list[CheckMessage] = []
    hint = "Write the networks that your proxies ask from as 10.0.3.0/24, separated by commas."
    for network in settings.TRUSTED_PROXIES:
        try:
            trusts_everybody = ip_network(network).prefixlen == 0
        except ValueError:
            found.append(_error(7, f"TRUSTED_PROXIES: {network} is not a network.", hint))
            continue
        if trusts_everybody:
            found.append(_error(7, f"TRUSTED_PROXIES: {network} lets everybody choose their address.", hint))
    if settings.PUBLIC_BASE_URL.startswith("https://") and not settings.TRUSTED_PROXIES:
        message = "PUBLIC_BASE_URL is https, but TRUSTED_PROXIES is empty."
        cure = "Set TRUSTED_PROXIES to the network of the proxy that ends TLS, or every page redirects to itself."
        found.append(Warning(message, hint=cure, id="callcenter.W007"))
    return found


@register()
def capacity_settings(**_: Any) -> list[Error]:
    """Capacities are possible ones."""
    errors = []
    if not 1 <= settings.WORKER_SCALE_FACTOR <= 100:
        errors.append(_error(3, "WORKER_SCALE_FACTOR is not between 1 and 100.", "It is the number of calls a worker."))
    if settings.MAX_CONCURRENT_AGENTS < 1:
        errors.append(_error(3, "MAX_CONCURRENT_AGENTS is less than 1.", "It is the number of live calls in all."))
    if settings.INBOUND_RESERVE < 0:
        errors.append(_error(3, "INBOUND_RESERVE is less than 0.", "It is the number of slots kept free for callers."))
    if settings.AUDIO_BUFFER_SIZE not in (160, 320, 512):
        errors.append(
            _error(
                3,
                "AUDIO_BUFFER_SIZE is not 160, 320 or 512.",
                "It is in samples at 16 kHz: 160 is 10 ms, 320 is 20 ms, 512 is 32 ms and costs least.",
            )
        )
    return errors
