"""Whom one can talk to from the browser: a persona's draft, one of its versions, or whoever answers a number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import Http404
from django.urls import reverse

from agents import services as personas
from agents.models import Persona, PersonaVersion
from calls.lifecycle import services
from calls.livekit import browser
from calls.models import PhoneNumber
from calls.reporting.narrative import readable_number


@dataclass(frozen=True, slots=True)
class Callee:
    """`kind` and `row` are what a page's address names; `name` answers, and `about` says in a sentence as what."""

    kind: str
    row: Model
    name: str
    about: str

    @property
    def page(self) -> str:
        """The admin's page of it."""
        return reverse(f"admin:{self.row._meta.app_label}_{self.row._meta.model_name}_change", args=[self.row.pk])


def find(asked: Mapping[str, str], user: Any) -> Callee:
    """The callee that `persona`, `version` or `number` names by its id. Raises Http404, also for one that the user may
    not see.
    """
    for kind, (model, permission) in _KINDS.items():
        if kind in asked and asked[kind].isdecimal() and user.has_perm(permission):
            row = model._default_manager.filter(pk=int(asked[kind][:18])).first()
            if row is not None:
                return _callee(kind, row)
    raise Http404("Name whom you would like to talk to: persona, version or number, by its id.")


_KINDS: dict[str, tuple[type[Model], str]] = {
    "persona": (Persona, "agents.view_persona"),
    "version": (PersonaVersion, "agents.view_personaversion"),
    "number": (PhoneNumber, "calls.view_phonenumber"),
}


def _callee(kind: str, row: Any) -> Callee:
    match row:
        case Persona():
            return Callee(kind, row, row.name, "You talk to the draft as it was last saved.")
        case PersonaVersion():
            return Callee(kind, row, row.persona.name, f"You talk to {row}.")
        case _:
            number = readable_number(row.e164)
            return Callee(kind, row, row.persona.name, f"You hear what callers of {number} hear.")


def attributes(callee: Callee, user: Any) -> dict[str, str]:
    """What a browser's token says of whom it calls. Raises ValidationError when nobody would answer."""
    match callee.row:
        case Persona() as persona:
            return {browser.VERSION: str(personas.try_draft(persona, user).pk)}
        case PersonaVersion() as version:
            return {browser.VERSION: str(version.pk)}
        case PhoneNumber() as number:
            if reason := services.refusal(number):
                raise ValidationError(f"{readable_number(number.e164)} cannot be answered: {reason.label}.")
            return {browser.CALLED: number.e164}
        case _:
            raise TypeError(f"{callee.row!r} answers no calls")
