"""System checks: a required or contradictory setting is named, with its cure, before anything starts.

Whether a variable can be read at all, `callcenter.environment.variables` has looked before.
"""

import os
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from agents.providers import registry
from agents.providers.offers import STAGE_NAMES, STAGES
from calls import destinations

REQUIRED = ("DJANGO_SECRET_KEY", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
# Prices of version 0.1, which named no provider: their defaults, and what they are called now.
FORMER_PRICES = {
    "PRICE_STT_MINUTE": ("0.65", "DEEPGRAM_PRICE_MINUTE"),
    "PRICE_TTS_1000_CHARACTERS": ("5", "ELEVENLABS_PRICE_1000_CHARACTERS"),
    "PRICE_LLM_MILLION_TOKENS_IN": ("40", "OPENAI_PRICE_MILLION_TOKENS_IN"),
    "PRICE_LLM_MILLION_TOKENS_OUT": ("160", "OPENAI_PRICE_MILLION_TOKENS_OUT"),
}


def _error(number: int, message: str, hint: str) -> Error:
    return Error(message, hint=hint, id=f"callcenter.E{number:03}")


@register()
def required_settings(**_: Any) -> list[Error]:
    """Every key that a call needs is set."""
    return [
        _error(1, f"{name} is not set.", f"Set {name} in .env or the environment; scripts/setup does so for you.")
        for name in REQUIRED
        if not _value(name)
    ]


@register()
def provider_keys(**_: Any) -> list[Error]:
    """For each stage of a conversation there is a provider whose key is set."""
    found = []
    for stage in STAGES:
        keys = [provider.key_variable for provider in registry.offering(stage)]
        if not any(getattr(settings, key) for key in keys):
            message = f"No provider of {STAGE_NAMES[stage]} has a key."
            cure = f"Set {' or '.join(keys)} in .env or the environment; scripts/setup fills them in for a laptop."
            found.append(_error(9, message, cure))
    return found


@register()
def livekit_for_browsers(**_: Any) -> list[Warning]:
    """A page that came over https may open no ws:// address."""
    if not settings.PUBLIC_BASE_URL.startswith("https:") or settings.LIVEKIT_PUBLIC_URL.startswith("wss:"):
        return []
    message = "LIVEKIT_PUBLIC_URL is a ws:// address, which browsers refuse on an https site."
    hint = "Set it to LiveKit's wss:// address. Until then nobody can talk to personas in the browser."
    return [Warning(message, hint=hint, id="callcenter.W012")]


@register()
def former_prices(**_: Any) -> list[Warning]:
    """Warn about a price that is still set under the name it had before prices named their provider."""
    return [
        Warning(f"{old} is no longer read.", hint=f"Rename it to {new}.", id="callcenter.W010")
        for old, (default, new) in FORMER_PRICES.items()
        if os.environ.get(old, default) not in ("", default)
    ]


def _value(name: str) -> str:
    try:
        return str(getattr(settings, name.removeprefix("DJANGO_")))
    except ImproperlyConfigured:  # Django's answer to an empty SECRET_KEY
        return ""


def _host(url: str) -> str:
    """The URL's host; empty when there is none, or the URL is invalid."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


@register()
def contradictory_settings(**_: Any) -> list[Error]:
    """Settings that only make sense together."""
    errors = []
    for provider in registry.all():
        key, url = provider.key_variable, provider.url_variable
        if getattr(settings, key) == "simulator" and _host(getattr(settings, url)) == _host(provider.base_url):
            message = f"{key} is the simulator's, but {url} is the real provider."
            errors.append(_error(4, message, f"Set {key} to your key, or {url} to the simulator."))
    twilio = {name: getattr(settings, name) for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN")}
    if any(twilio.values()) and not all(twilio.values()):
        missing = next(name for name, value in twilio.items() if not value)
        errors.append(_error(4, f"{missing} is not set.", "Set both Twilio credentials, or neither."))
    return errors


@register()
def proxy_settings(**_: Any) -> list[CheckMessage]:
    """Proxies are networks, and there is one where the site speaks https."""
    found: list[CheckMessage] = []
    hint = "List the networks of your proxies, such as 10.0.3.0/24, separated by commas."
    for network in settings.TRUSTED_PROXIES:
        try:
            trusts_everybody = ip_network(network).prefixlen == 0
        except ValueError:
            found.append(_error(7, f"TRUSTED_PROXIES: {network} is not a network.", hint))
            continue
        if trusts_everybody:
            found.append(_error(7, f"TRUSTED_PROXIES: {network} lets anyone forge their address.", hint))
    if settings.PUBLIC_BASE_URL.startswith("https://") and not settings.TRUSTED_PROXIES:
        message = "PUBLIC_BASE_URL is https, but TRUSTED_PROXIES is empty."
        cure = "Set TRUSTED_PROXIES to the network of the proxy that terminates TLS, or every page redirects to itself."
        found.append(Warning(message, hint=cure, id="callcenter.W007"))
    return found


@register()
def destination_settings(**_: Any) -> list[Error]:
    """The countries that may be dialed exist: callcenter.environment.variables has no list of them."""
    import phonenumbers  # here, because workers never need its 4 MB of numbering plans

    unknown = set(settings.OUTBOUND_COUNTRIES) - phonenumbers.SUPPORTED_REGIONS - {destinations.ANY_COUNTRY}
    hint = "Write ISO codes, separated by commas: US,CA. * allows all countries."
    return [_error(8, f"OUTBOUND_COUNTRIES: {country} is not a country.", hint) for country in sorted(unknown)]
