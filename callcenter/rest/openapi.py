"""Adds to the OpenAPI document what every operation may return besides success: drf-spectacular knows views only."""

from typing import Any

Json = dict[str, Any]

SCHEMAS: dict[str, Json] = {
    "Error": {
        "type": "object",
        "description": "Why the request was refused.",
        "properties": {"detail": {"type": "string"}},
        "required": ["detail"],
    },
    "InvalidInput": {
        "type": "object",
        "description": "What is wrong, by field or parameter; `detail` if it is the request as a whole.",
        "additionalProperties": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    },
}
DESCRIPTIONS = {
    "400": "A parameter, header or field is invalid; the response names it.",
    "401": "The token or password is missing, wrong or expired.",
    "403": "The token's scope, or its owner's permissions, do not allow this.",
    "404": "Not found.",
    "415": "The body is not JSON.",
    "429": "Too many requests: try again after the number of seconds in Retry-After.",
    "503": "A required service is unavailable: try again.",
}
ALWAYS = ("400", "401", "403", "503")


def document_errors(result: Json, **_: Any) -> Json:
    """A postprocessing hook of drf-spectacular."""
    result.setdefault("components", {}).setdefault("schemas", {}).update(SCHEMAS)
    for path, operations in result.get("paths", {}).items():
        for method, operation in operations.items():
            if isinstance(operation, dict) and "responses" in operation:
                _add(operation, _codes(path, method, operation))
    return result


def _codes(path: str, method: str, operation: Json) -> list[str]:
    codes = list(ALWAYS)
    if "{" in path:
        codes.append("404")
    if "requestBody" in operation:
        codes.append("415")
    if method not in ("get", "head", "options"):
        codes.append("429")
    return codes


def _add(operation: Json, codes: list[str]) -> None:
    responses = operation["responses"]
    for code in codes:
        responses.setdefault(code, {"description": DESCRIPTIONS[code]})
    for code, response in responses.items():
        if code >= "400" and "content" not in response:
            name = "InvalidInput" if code == "400" else "Error"
            response["content"] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    operation["responses"] = dict(sorted(responses.items()))
