"""Outside debug mode, nothing starts with a secret that others know or can guess, such as a default or an example."""

import os
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

# Passwords and keys of examples and of the services' own defaults.
KNOWN = frozenset(
    {
        *(
            "secret",
            "devkey",
            "devsecret",
            "password",
            "passwd",
            "changeme",
            "change-me",
            "admin",
            "administrator",
            "root",
        ),
        *("guest", "postgres", "rabbitmq", "livekit", "callcenter", "django", "test", "example", "default", "letmein"),
        *("123456", "12345678"),
    }
)
_FILLER = re.compile(r"(.)\1*|change[-_ ]?me.*|(your|my|example|django-insecure)[-_ ].*|<.*>", re.IGNORECASE)
# How long a generated key is at least, by the software that uses it. In characters.
LENGTHS = {"DJANGO_SECRET_KEY": 50, "LIVEKIT_API_SECRET": 32, "TOOL_SIGNING_KEY": 32, "FIELD_ENCRYPTION_KEYS": 32}
PASSWORDS = ("ADMIN_PASSWORD", "FLOWER_PASSWORD", "GRAFANA_PASSWORD", "METRICS_TOKEN", "REDIS_PASSWORD")


def unsafe_secrets() -> list[str]:
    """One line a secret that must not be used outside debug: which one, and what is wrong. Never the secret itself."""
    found = [line for name in LENGTHS for value in _values(name) if (line := _weak_key(name, value))]
    if _is_known(settings.LIVEKIT_API_KEY):
        found.append("LIVEKIT_API_KEY is a well-known value")
    for name in ("DATABASE_URL", "CELERY_BROKER_URL", "CACHE_URL"):
        password = _password(getattr(settings, name))
        if password and _is_known(password):
            found.append(f"the password in {name} is well known")
    # These are for programs beside Django, so they are no settings; django-environ has put .env into the environment.
    found += [f"{name} is a well-known value" for name in PASSWORDS if _is_known(os.environ.get(name, ""))]
    return found


def _values(name: str) -> list[str]:
    try:
        value = getattr(settings, name.removeprefix("DJANGO_"))
    except ImproperlyConfigured:  # Django's answer to an empty SECRET_KEY, which another check names
        return []
    return [each for each in (value if isinstance(value, list) else [value]) if each]


def _weak_key(name: str, value: str) -> str:
    if _is_known(value):
        return f"{name} is a well-known value"
    if len(value) < LENGTHS[name] or len(set(value)) < 8:
        return f"{name} is shorter than {LENGTHS[name]} characters, or repeats a few of them"
    return ""


def _is_known(value: str) -> bool:
    return bool(value) and (value.lower() in KNOWN or _FILLER.fullmatch(value) is not None)


def _password(url: str) -> str:
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return ""


@register(Tags.security)
def safe_secrets(**_: Any) -> list[Error]:
    """Outside debug mode, every secret is known only to this installation."""
    if settings.DEBUG:
        return []
    hint = 'Generate one with: python -c "import secrets; print(secrets.token_urlsafe(48))"'
    return [Error(f"{line}.", hint=hint, id="callcenter.E020") for line in unsafe_secrets()]


@register(Tags.security)
def second_factor(**_: Any) -> list[Warning]:
    """On the Internet a password alone does not open the admin."""
    if settings.ADMIN_REQUIRES_OTP or settings.DEBUG or not settings.PUBLIC_BASE_URL.startswith("https:"):
        return []
    hint = "Set ADMIN_REQUIRES_OTP=true, and enroll the first device with manage.py enrol_device."
    return [Warning("ADMIN_REQUIRES_OTP is false: a password alone opens the admin.", hint=hint, id="callcenter.W021")]


def refuse_unsafe_secrets() -> None:
    """Raise ImproperlyConfigured outside debug when a secret is not safe: for processes that run no system checks."""
    if not settings.DEBUG and (found := unsafe_secrets()):
        raise ImproperlyConfigured(f"{'; '.join(found)}. Set others in .env or the environment, or DJANGO_DEBUG=true.")
