"""The part of the Compose specification that these files use, as a JSON schema: a key that is not here is a mistake.

After https://github.com/compose-spec/compose-spec/blob/main/05-services.md and its neighbors.
"""

from typing import Any

DURATION = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"
BYTES = r"^[0-9]+[kmgKMG]$"
_NAME = r"^[a-zA-Z0-9._-]+$"
_strings = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
_duration = {"type": "string", "pattern": DURATION, "minLength": 2}


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _map(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "patternProperties": {_NAME: of}, "additionalProperties": False}


_DEPENDS_ON = _map(
    _object(
        ("condition",), condition={"enum": ["service_started", "service_healthy", "service_completed_successfully"]}
    )
)
_HEALTHCHECK = _object(
    ("test", "interval", "timeout", "retries"),
    test={
        "type": "array",
        "prefixItems": [{"enum": ["CMD", "CMD-SHELL"]}],
        "items": {"type": "string"},
        "minItems": 2,
    },
    interval=_duration,
    timeout=_duration,
    start_period=_duration,
    retries={"type": "integer", "minimum": 1},
)
_DEPLOY = _object(
    replicas={"type": "integer", "minimum": 1},
    resources=_object(
        ("limits",),
        limits=_object(
            ("cpus", "memory"),
            cpus={"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"},
            memory={"type": "string", "pattern": BYTES},
        ),
    ),
)
SERVICE = _object(
    ("image",),
    image={"type": "string"},
    build=_object(("context", "dockerfile"), context={"type": "string"}, dockerfile={"type": "string"}),
    cap_add=_strings,
    cap_drop=_strings,
    command={"type": "array", "items": {"type": "string"}, "minItems": 1},
    entrypoint={"type": "array", "items": {"type": "string"}, "minItems": 1},
    depends_on=_DEPENDS_ON,
    deploy=_DEPLOY,
    environment={
        "type": "object",
        "patternProperties": {r"^[A-Z][A-Z0-9_]*$": {"type": ["string", "integer", "null"]}},
        "additionalProperties": False,
    },
    healthcheck=_HEALTHCHECK,
    hostname={"type": "string", "pattern": _NAME},
    logging=_object(("driver", "options"), driver={"const": "json-file"}, options={"type": "object"}),
    network_mode={"const": "host"},
    networks=_strings,
    ports={"type": "array", "items": {"type": "string", "pattern": r"^([0-9.]+:)?[0-9-]+:[0-9-]+(/(tcp|udp))?$"}},
    profiles=_strings,
    read_only={"type": "boolean"},
    restart={"enum": ["no", "always", "on-failure", "unless-stopped"]},
    secrets=_strings,
    security_opt=_strings,
    shm_size={"type": "string", "pattern": BYTES},
    stop_grace_period=_duration,
    stop_signal={"type": "string", "pattern": "^SIG[A-Z]+$"},
    tmpfs=_strings,
    user={"type": "string", "pattern": r"^[0-9]+:[0-9]+$"},
    volumes={"type": "array", "items": {"type": "string", "pattern": r"^[^:]+:/[^:]+(:ro)?$"}, "uniqueItems": True},
)
PROJECT = _object(
    ("services",),
    name={"type": "string", "pattern": r"^[a-z0-9][a-z0-9_-]*$"},
    services=_map(SERVICE),
    networks=_map(
        _object(
            internal={"type": "boolean"},
            ipam=_object(config={"type": "array", "items": _object(("subnet",), subnet={"type": "string"})}),
        )
    ),
    volumes=_map(_object()),
    secrets=_map(_object(("environment",), environment={"type": "string"})),
)
