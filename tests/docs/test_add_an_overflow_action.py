"""Each step of docs/ADD_AN_OVERFLOW_ACTION.md is done for each action and each of its fields."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from calls import states
from calls.admin.phone_number import FIELDSETS
from calls.api.serializers import PhoneNumberSerializer
from calls.lifecycle import overflow
from calls.models import Call, PhoneNumber
from calls.models.phone_number import Overflow
from calls.reporting.narrative import EVENT_TITLES, tell
from calls.states import EndReason, Status
from calls.webhooks.twilio.recovery import RECOVERIES
from tests.factories import make_call, make_number, make_persona
from tools.local import ROOT

CHECKLIST = (ROOT / "docs/ADD_AN_OVERFLOW_ACTION.md").read_text()
ARCHITECTURE = (ROOT / "docs/ARCHITECTURE.md").read_text()
FIELDS = [field.name for field in PhoneNumber._meta.get_fields() if re.match(r"overflow(_(?!numbers)|$)", field.name)]
READY: dict[Overflow, dict[str, Any]] = {
    Overflow.MESSAGE: {},
    Overflow.PERSONA: {"overflow_persona": make_persona},
    Overflow.TRANSFER: {"overflow_number": "+12025550177"},
}
"""What a number needs for its action; a function makes the value."""
HAS_FIELDS = [action for action, values in READY.items() if values]


def number_with(action: Overflow) -> PhoneNumber:
    values = {name: value() if callable(value) else value for name, value in READY[action].items()}
    return make_number(overflow=action, **values)


def overflowed(action: Overflow) -> Call:
    """A call whose ring time has ended, on a number with this action, after the sweep."""
    call = make_call(Status.QUEUED, number_with(action), rings_until=timezone.now() - timedelta(seconds=1))
    overflow.overflow_due()
    return Call.objects.select_related("phone_number", "persona_version__persona").get(pk=call.pk)


def test_every_action_is_migrated() -> None:
    number = MigrationLoader(None).project_state().models["calls", "phonenumber"]

    assert [value for value, _ in number.fields["overflow"].choices] == Overflow.values
    assert set(FIELDS) <= number.fields.keys()


def test_every_field_of_an_action_is_in_the_admin_and_in_the_api() -> None:
    assert set(FIELDS) <= set(_flat(fieldset["fields"] for _, fieldset in FIELDSETS))
    assert set(FIELDS) <= set(PhoneNumberSerializer.Meta.fields)


def test_every_field_is_one_that_an_action_needs() -> None:
    assert {"overflow", "overflow_message", *(name for values in READY.values() for name in values)} == set(FIELDS)


@pytest.mark.parametrize("action", Overflow)
def test_every_action_is_applied_by_the_sweep_and_by_twilio(action: Overflow) -> None:
    assert action in overflow._ACTIONS
    assert action in RECOVERIES
    assert action in READY


@pytest.mark.django_db
@pytest.mark.parametrize("action", HAS_FIELDS)
def test_a_number_without_the_fields_of_its_action_is_refused(action: Overflow) -> None:
    number = number_with(action)
    number.full_clean()
    for name in READY[action]:
        setattr(number, name, getattr(PhoneNumber(), name))  # as it is on a new number

    with pytest.raises(ValidationError) as refused:
        number.full_clean()

    assert refused.value.message_dict.keys() == READY[action].keys()


@pytest.mark.django_db
@pytest.mark.parametrize("action", Overflow)
def test_a_call_ends_announced_and_explained_or_keeps_waiting_with_an_event(action: Overflow) -> None:
    call = overflowed(action)

    if call.status == Status.QUEUED:
        assert {event.kind for event in call.events.all()} <= EVENT_TITLES.keys()
        assert call.overflowed
    else:
        assert call.end_reason in states.ANNOUNCED
        assert tell(call) != tell(_with_reason(call, EndReason.CALLER_GAVE_UP)), "calls.reporting.narrative._missed"
        assert f"`{call.end_reason}`" in _table("status | end reason")


@pytest.mark.parametrize("action", Overflow)
def test_every_action_has_its_row_in_the_architecture(action: Overflow) -> None:
    assert f"| {action.label} |" in _table("overflow action")


def test_the_checklist_names_files_that_exist() -> None:
    steps = re.findall(r"^\| \d+ \| `(.+?)` \|", CHECKLIST, re.MULTILINE)

    assert len(steps) == 12
    assert [step for step in steps if not (ROOT / step).exists()] == []


def _with_reason(call: Call, reason: EndReason) -> Call:
    other = Call.objects.select_related("phone_number", "persona_version__persona").get(pk=call.pk)
    other.end_reason = reason
    return other


def _flat(names: Any) -> list[str]:
    return [names] if isinstance(names, str) else [name for part in names for name in _flat(part)]


def _table(head: str) -> str:
    """The table of docs/ARCHITECTURE.md whose head begins with these words."""
    found = re.search(rf"^ *\| {re.escape(head)} \|.*\n((?: *\|.*\n)+)", ARCHITECTURE, re.MULTILINE)
    assert found, f"docs/ARCHITECTURE.md has no table {head}"
    return found[1]
