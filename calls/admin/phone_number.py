"""Numbers: who answers them and when, and what callers get while no agent is free or the number is closed."""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import BooleanRadioFilter, RelatedDropdownFilter

from agents.admin.talk_button import TalkButton
from agents.models import Persona
from calls import destinations
from calls.lifecycle import overflow
from calls.models import OpeningHours, PhoneNumber
from calls.phone import to_e164
from calls.reporting.hours_text import tell_hours
from calls.reporting.narrative import readable_number
from calls.states import LIVE
from common.admin import ModelForm, Textarea, TextInput, column

if TYPE_CHECKING:
    PersonaChoiceField = forms.ModelChoiceField[Persona]
else:
    PersonaChoiceField = forms.ModelChoiceField

FIELDSETS: Any = (
    (None, {"fields": ("e164", "label", "persona", "is_active")}),
    (
        "While no agent is free",
        {
            "fields": (
                ("max_calls", "ring_time_s"),
                "overflow",
                "overflow_message",
                ("overflow_persona", "overflow_number"),
            ),
            "description": "Callers hear ringing and are answered in the order in which they called.",
        },
    ),
    (
        "Opening hours",
        {
            "fields": (
                ("opening_hours", "open_now"),
                "after_hours",
                "after_hours_message",
                ("after_hours_persona", "after_hours_number"),
            ),
            "description": "What a caller gets is decided when the call comes in. A call that has begun is not cut off "
            "at closing time.",
        },
    ),
    ("Personal data", {"fields": ("kept_days",)}),
)


class PersonaChoice(PersonaChoiceField):
    """A list of personas that says which of them cannot answer yet."""

    def label_from_instance(self, persona: Persona) -> str:
        return str(persona) if persona.live_version_id else f"{persona} (not live yet)"


class PhoneNumberForm(ModelForm):
    """Takes a number as people write it and stores it as E.164.

    Countries of our own numbers may be dialed, unless OUTBOUND_COUNTRIES says which: a first number there is a decision
    for administrators, who are superusers.
    """

    may_open_countries = False

    e164 = forms.CharField(
        label="Number",
        max_length=32,
        widget=TextInput,
        help_text="With country code, for example +1 202 555 0100.",
        error_messages={
            "required": "Write the number that callers dial.",
            "unique": "This number is already in the list: edit it there.",
        },
    )

    class Meta:
        model = PhoneNumber
        fields = "__all__"
        error_messages: ClassVar[dict[str, dict[str, str]]] = {
            "persona": {"required": "Choose who answers this number."},
            "overflow_message": {"required": "Write what a caller hears when no agent can answer."},
            "after_hours_message": {"required": "Write what a caller hears when the number is closed."},
        }
        widgets: ClassVar[dict[str, Any]] = {
            "overflow_message": Textarea(attrs={"rows": 2}),
            "after_hours_message": Textarea(attrs={"rows": 2}),
        }

    def clean_e164(self) -> str:
        e164 = to_e164(self.cleaned_data["e164"])
        country = "" if self.may_open_countries else destinations.opened_by(e164)
        if country:
            raise ValidationError(
                f"This number would allow calls to any number in {country}: ask an administrator to add it, or to set "
                "OUTBOUND_COUNTRIES."
            )
        return e164

    def _post_clean(self) -> None:
        # The model checks the number again; a second message about the same mistake would only confuse.
        if "e164" not in self.errors:
            super()._post_clean()  # type: ignore[misc]  # not in the stubs


class PhoneNumberRowForm(ModelForm):
    """A number in the list, where it is opened and closed."""

    def add_error(self, field: str | None, error: Any) -> None:
        """Pass over what is wrong with other fields: a number whose transfer may no longer be dialed can be closed."""
        if hasattr(error, "error_dict"):
            error = ValidationError({name: found for name, found in error.error_dict.items() if name in self.fields})
        super().add_error(field, error)


@admin.register(PhoneNumber)
class PhoneNumberAdmin(TalkButton):
    form = PhoneNumberForm
    fieldsets = FIELDSETS
    readonly_fields = ("open_now",)
    list_display = ("readable", "label", "persona", "answered", "is_active", "live_now", "max_calls")
    list_display_links = ("readable",)
    list_editable = ("is_active",)
    list_filter = (
        ("persona", RelatedDropdownFilter),
        ("opening_hours", RelatedDropdownFilter),
        ("is_active", BooleanRadioFilter),
    )
    list_filter_submit = True
    list_fullwidth = True
    search_fields = ("e164", "label", "persona__name")
    callee_kind = "number"
    actions_detail: ClassVar = ["talk_view"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PhoneNumber]:
        rows: QuerySet[PhoneNumber] = super().get_queryset(request)
        live = Count("calls", filter=Q(calls__status__in=LIVE))
        hours = Prefetch("opening_hours", OpeningHours.objects.with_entries())
        return rows.select_related("persona").prefetch_related(hours).annotate(live_count=live)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)
        return type(form.__name__, (form,), {"may_open_countries": bool(request.user.is_superuser)})

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, **{**kwargs, "form": PhoneNumberRowForm})

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        extra = {"form_class": PersonaChoice} if db_field.related_model is Persona else {}
        return super().formfield_for_foreignkey(db_field, request, **{**kwargs, **extra})

    def save_model(self, request: HttpRequest, obj: PhoneNumber, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        overflow.speak_messages(obj)
        if obj.is_active and obj.persona.live_version_id is None:
            messages.warning(request, f"{readable_number(obj.e164)} rejects calls: {obj.persona} is not live yet.")

    @column("Number", ordering="e164")
    def readable(self, number: PhoneNumber) -> str:
        return readable_number(number.e164)

    @column("Now")
    def open_now(self, number: PhoneNumber) -> str:
        return tell_hours(number.opening_hours, timezone.now())

    @column("State", label={"open": "success", "after_hours": "info", "closed": "danger", "unpublished": "warning"})
    def answered(self, number: PhoneNumber) -> tuple[str, str]:
        if not number.is_active:
            return ("closed", "Calls are rejected")
        if number.persona.live_version_id is None:
            return ("unpublished", "Persona not live yet")
        if not number.is_open(timezone.now()):
            return ("after_hours", f"Closed: {number.get_after_hours_display().lower()}")
        return ("open", "Takes calls")

    @column("Live calls", ordering="live_count")
    def live_now(self, number: PhoneNumber) -> int:
        count: int = getattr(number, "live_count", 0)
        return count
