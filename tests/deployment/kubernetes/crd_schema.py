"""The parts that are used of two kinds of resources that Kubernetes itself does not know, as JSON schemas.

After KEDA's reference (https://keda.sh/docs/2.14/reference/scaledobject-spec/ and /scalers/prometheus/) and the
Prometheus Operator's (https://prometheus-operator.dev/docs/api-reference/api/).
"""

from typing import Any

_text = {"type": "string", "minLength": 1}
_count = {"type": "integer", "minimum": 0}
_labels = {"type": "object", "additionalProperties": {"type": "string"}}


def _object(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _resource(api: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = _object(("name", "namespace"), name=_text, namespace=_text, labels=_labels, annotations=_labels)
    return _object(
        ("apiVersion", "kind", "metadata", "spec"),
        apiVersion={"const": api},
        kind={"const": kind},
        metadata=metadata,
        spec=spec,
    )


_RULES = _object(
    ("policies",),
    stabilizationWindowSeconds={"type": "integer", "minimum": 0, "maximum": 3600},
    selectPolicy={"enum": ["Max", "Min", "Disabled"]},
    policies={
        "type": "array",
        "minItems": 1,
        "items": _object(
            ("type", "value", "periodSeconds"),
            type={"enum": ["Pods", "Percent"]},
            value={"type": "integer", "minimum": 1},
            periodSeconds={"type": "integer", "minimum": 1, "maximum": 1800},
        ),
    },
)
_PROMETHEUS_TRIGGER = _object(
    ("type", "metadata"),
    type={"const": "prometheus"},
    name=_text,
    metricType={"enum": ["AverageValue", "Value"]},
    # every value is a string
    metadata=_object(
        ("serverAddress", "query", "threshold"),
        serverAddress={"type": "string", "pattern": "^https?://"},
        query=_text,
        threshold={"type": "string", "pattern": r"^[0-9.]+$"},
        activationThreshold={"type": "string", "pattern": r"^[0-9.]+$"},
        ignoreNullValues={"enum": ["true", "false"]},
    ),
)
SCALED_OBJECT = _resource(
    "keda.sh/v1alpha1",
    "ScaledObject",
    _object(
        ("scaleTargetRef", "triggers"),
        scaleTargetRef=_object(("name",), apiVersion=_text, kind=_text, name=_text),
        minReplicaCount=_count,
        maxReplicaCount=_count,
        pollingInterval=_count,
        cooldownPeriod=_count,
        fallback=_object(("failureThreshold", "replicas"), failureThreshold=_count, replicas=_count),
        triggers={"type": "array", "minItems": 1, "items": _PROMETHEUS_TRIGGER},
        advanced=_object(
            (),
            horizontalPodAutoscalerConfig=_object((), behavior=_object((), scaleUp=_RULES, scaleDown=_RULES)),
        ),
    ),
)
SERVICE_MONITOR = _resource(
    "monitoring.coreos.com/v1",
    "ServiceMonitor",
    _object(
        ("selector", "endpoints"),
        jobLabel=_text,
        selector=_object(("matchLabels",), matchLabels=_labels),
        endpoints={
            "type": "array",
            "minItems": 1,
            "items": _object(
                ("port",),
                port=_text,
                path={"type": "string", "pattern": "^/"},
                interval={"type": "string", "pattern": "^[0-9]+s$"},
                authorization=_object(("credentials",), credentials=_object(("name", "key"), name=_text, key=_text)),
            ),
        },
    ),
)
OF_OPERATORS = {"ScaledObject": SCALED_OBJECT, "ServiceMonitor": SERVICE_MONITOR}
