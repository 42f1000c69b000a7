"""A persona's fallbacks in the admin: typed and shown one per line, what takes over first above what comes next."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from agents.models import PersonaSettings
from agents.provider_choices import EXAMPLES, as_lines, from_lines
from agents.providers import registry
from agents.providers.offers import STAGES
from common.admin import Textarea, column

EMPTY = "another model of the same provider"


class FallbacksField(forms.CharField):
    """The fallbacks of a stage. Its value is that of the model's field, a list of objects."""

    def __init__(self, stage: str, label: str) -> None:
        names = ", ".join(provider.name for provider in registry.offering(stage))
        super().__init__(
            label=label,
            required=False,
            max_length=1000,
            widget=Textarea(attrs={"rows": 3, "spellcheck": "false"}),
            help_text=format_html("One per line, such as {}. Providers: {}. Empty: {}.", EXAMPLES[stage], names, EMPTY),
        )
        self._stage = stage

    def prepare_value(self, value: Any) -> Any:
        return as_lines(self._stage, value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[dict[str, str]]:
        return [choice.as_json() for choice in from_lines(self._stage, super().clean(value))]

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.clean(data) != (initial or []))
        except forms.ValidationError:
            return True


class FallbackLists:
    """For an admin that only shows: these columns, and `fieldsets_to_read` in place of the form's fieldsets."""

    FALLBACK_LISTS = tuple(f"{stage}_fallback_list" for stage in STAGES)

    @column("Speech to text fallbacks")
    def stt_fallback_list(self, persona: PersonaSettings) -> SafeString:
        return _lines("stt", persona.stt_fallbacks)

    @column("Language model fallbacks")
    def llm_fallback_list(self, persona: PersonaSettings) -> SafeString:
        return _lines("llm", persona.llm_fallbacks)

    @column("Text to speech fallbacks")
    def tts_fallback_list(self, persona: PersonaSettings) -> SafeString:
        return _lines("tts", persona.tts_fallbacks)


def fieldsets_to_read(fieldsets: Any) -> Any:
    """The same fieldsets, with the columns of FallbackLists in place of the fields that hold JSON."""
    columns: Mapping[Any, str] = {f"{stage}_fallbacks": f"{stage}_fallback_list" for stage in STAGES}
    return tuple(
        (title, {**options, "fields": tuple(columns.get(field, field) for field in options["fields"])})
        for title, options in fieldsets
    )


def _lines(stage: str, entries: list[dict[str, Any]]) -> SafeString:
    lines = as_lines(stage, entries) or EMPTY
    return format_html_join(mark_safe("<br>"), "{}", ((line,) for line in lines.splitlines()))  # noqa: S308  our own
