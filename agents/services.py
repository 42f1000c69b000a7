"""Publishing a persona, rolling back, and comparing versions."""

import json
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from agents import fallbacks
from agents.models import Persona, PersonaSettings, PersonaTool, PersonaVersion, ToolSecret
from agents.provider_choices import as_lines
from agents.providers import registry
from agents.providers.accounts import account_of
from agents.providers.offers import STAGES
from agents.voices import speech_requests


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs between two versions, with both values as text."""

    field: str
    before: str
    after: str


@transaction.atomic
def publish(persona: Persona, user: User | None = None, note: str = "") -> PersonaVersion:
    """Freeze the draft as the next version and make it the one that callers hear; its lines are requested on commit.

    Raises ValidationError when the draft or one of its tools is not valid, or a provider has no key: by field, or with
    the tool's name.
    """
    persona = Persona.objects.select_for_update().get(pk=persona.pk)
    version = _checked(persona)
    version.number = (persona.versions.aggregate(number=Max("number"))["number"] or 0) + 1
    version.note = note
    version.published_by = user
    version.save()
    persona.live_version = version
    persona.save(update_fields=["live_version", "updated_at"])
    _speak_lines_on_commit(version)
    return version


@transaction.atomic
def try_draft(persona: Persona, user: User | None = None) -> PersonaVersion:
    """The draft as a version that somebody can talk to, and no caller hears. Raises ValidationError as `publish` does.

    A draft that is the live version, or that was tried before, is that one.
    """
    persona = Persona.objects.select_for_update().get(pk=persona.pk)
    draft = _checked(persona)
    last_tried = persona.versions.filter(number=None).first()
    for known in (persona.live_version, last_tried):
        if known is not None and not compare(known, draft):
            return known
    draft.published_by = user
    draft.save()
    return draft


def as_version(persona: Persona) -> PersonaVersion:
    """The draft in the shape of a version, not saved."""
    tools = [tool.as_json() for tool in persona.tools.all()]
    return PersonaVersion(persona=persona, tools_json=tools, **persona.settings_values())


def _checked(persona: Persona) -> PersonaVersion:
    """The draft as a version. Raises ValidationError when it, or one of its tools, cannot be talked to."""
    persona.full_clean()
    _check_keys(persona)
    for tool in persona.tools.select_related("secret"):
        _check_tool(tool)
    return as_version(persona)


def _speak_lines_on_commit(version: PersonaVersion) -> None:
    # Robust: what goes wrong here is logged, because the version is live already.
    transaction.on_commit(lambda: speech_requests.speak_lines(version.pk), robust=True)


def _check_keys(persona: PersonaSettings) -> None:
    """Raises ValidationError when one of the providers that the persona names could not be asked."""
    missing: dict[str, list[str]] = {}
    for stage in STAGES:
        own, *others = fallbacks.choices(persona, stage)
        named = ((own, f"{stage}_provider", ""), *((other, f"{stage}_fallbacks", f"{other}: ") for other in others))
        for choice, field, which in named:
            if not registry.knows(choice.provider):
                missing.setdefault(field, []).append(f"There is no provider {choice.provider} here: choose another.")
                continue
            provider = registry.get(choice.provider)
            # A stand-in of the own provider's needs no key of its own: without one it has the provider's.
            if not account_of(provider).api_key and (not which or choice.provider != own.provider):
                problem = (
                    f"{which}{provider.label} has no key: set {provider.key_variable}, or choose another provider."
                )
                missing.setdefault(field, []).append(problem)
    if missing:
        raise ValidationError(missing)


def _check_tool(tool: PersonaTool) -> None:
    try:
        tool.full_clean()
    except ValidationError as error:
        messages = [f"Tool {tool.name}, {field}: {' '.join(texts)}" for field, texts in error.message_dict.items()]
        raise ValidationError(messages) from error


@transaction.atomic
def roll_back(version: PersonaVersion) -> Persona:
    """Make an earlier version the one that callers hear, and the draft the same, for the next edit.

    Raises ValidationError when one of its providers is gone or has lost its key since: by field.
    """
    _check_keys(version)
    persona = Persona.objects.select_for_update().get(pk=version.persona_id)
    for name, value in version.settings_values().items():
        setattr(persona, name, value)
    persona.live_version = version
    persona.save(update_fields=[*version.settings_values(), "live_version", "updated_at"])
    persona.tools.all().delete()
    secrets = {secret.name: secret for secret in ToolSecret.objects.all()}
    PersonaTool.objects.bulk_create(
        PersonaTool(persona=persona, **{**tool, "secret": secrets.get(tool.get("secret", ""))})
        for tool in version.tools_json
    )
    _speak_lines_on_commit(version)
    return persona


def compare(before: PersonaVersion, after: PersonaVersion) -> list[Difference]:
    """The fields that differ, in the order of the form; tools are compared by name."""
    labels = {field.name: str(field.verbose_name) for field in PersonaSettings._meta.fields}
    rows = [
        Difference(label, _shown(before, name), _shown(after, name))
        for name, label in labels.items()
        if getattr(before, name) != getattr(after, name)
    ]
    old, new = ({tool["name"]: tool for tool in version.tools_json} for version in (before, after))
    rows += [
        Difference(f"tool {name}", _describe(old.get(name)), _describe(new.get(name)))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]
    return rows


def _shown(version: PersonaVersion, name: str) -> str:
    """The value as the form shows it: a choice by its label, a list of fallbacks line by line."""
    stage = name.removesuffix("_fallbacks")
    if stage in STAGES and stage != name:
        return as_lines(stage, getattr(version, name))
    display = getattr(version, f"get_{name}_display", None)
    return str(display() if display else getattr(version, name))


def _describe(tool: dict[str, Any] | None) -> str:
    """A tool line by line, its schema as the JSON that was typed."""
    if tool is None:
        return "none"
    texts = {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for key, value in tool.items()
    }
    return "\n".join(f"{key}: {text}" for key, text in texts.items() if key != "name")
