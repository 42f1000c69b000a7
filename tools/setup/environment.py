"""`.env`: created once from env.template with fresh secrets, and never changed afterwards."""

import re
import secrets
from collections.abc import Callable
from pathlib import Path

from tools.setup.steps import ROOT, say

# Secrets are of letters, digits, - and _ only: safe in URLs, shells, YAML and INI alike.
GENERATED: dict[str, Callable[[], str]] = {
    "DJANGO_SECRET_KEY": lambda: secrets.token_urlsafe(48),  # Django asks for 50 characters
    "ADMIN_PASSWORD": lambda: secrets.token_urlsafe(12),
    "POSTGRES_PASSWORD": lambda: secrets.token_urlsafe(24),
    "RABBITMQ_PASSWORD": lambda: secrets.token_urlsafe(24),
    "REDIS_PASSWORD": lambda: secrets.token_urlsafe(24),
    "LIVEKIT_API_KEY": lambda: "API" + secrets.token_hex(6),
    "LIVEKIT_API_SECRET": lambda: secrets.token_urlsafe(36),  # LiveKit asks for 32 characters
    "TWILIO_SIP_PASSWORD": lambda: "Aa1" + secrets.token_urlsafe(18),  # Twilio asks for aA1
    "TOOL_SIGNING_KEY": lambda: secrets.token_urlsafe(36),
    "FIELD_ENCRYPTION_KEYS": lambda: secrets.token_urlsafe(36),
    "FLOWER_PASSWORD": lambda: secrets.token_urlsafe(12),
    "METRICS_TOKEN": lambda: secrets.token_urlsafe(24),
    "GRAFANA_PASSWORD": lambda: secrets.token_urlsafe(12),
    "POSTGRES_READER_PASSWORD": lambda: secrets.token_urlsafe(24),
}
_ASSIGNMENT = re.compile(r"^([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)


def read(path: Path) -> dict[str, str]:
    """The assignments in a file of the form of env.template, in its order."""
    return dict(_ASSIGNMENT.findall(path.read_text()))


def render(template: str) -> str:
    """The template with a fresh value for each secret that it leaves empty."""

    def fill(assignment: re.Match[str]) -> str:
        name, value = assignment.groups()
        return f"{name}={GENERATED[name]()}" if not value and name in GENERATED else assignment.group()

    return _ASSIGNMENT.sub(fill, template)


def from_template(template: Path) -> dict[str, str]:
    """A whole environment of defaults and fresh secrets, for programs that must not see `.env`."""
    return dict(_ASSIGNMENT.findall(render(template.read_text())))


def write(root: Path = ROOT) -> None:
    """Makes `.env` when there is none; of an existing one it only says which variables it lacks."""
    template, target = root / "env.template", root / ".env"
    if not target.exists():
        say(".env with fresh secrets")
        target.touch(mode=0o600)
        target.write_text(render(template.read_text()))
        return
    missing = [name for name in read(template) if name not in read(target)]
    if missing:
        say(f".env lacks {', '.join(missing)}; add them as env.template explains")
