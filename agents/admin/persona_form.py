"""The form of a persona's draft, and the tools in it, in a supervisor's language."""

import json
from typing import Any, ClassVar

from django import forms
from django.db.models import JSONField, URLField
from django.http import HttpRequest

from agents.admin.fallback_fields import FallbacksField
from agents.admin.voice_field import voice_field
from agents.models import Persona, PersonaTool
from agents.providers import registry
from agents.providers.offers import STAGES
from common import json_values
from common.admin import ModelForm, StackedInline, Textarea, URLInput, column

# Any: the shape is that of ModelAdmin.fieldsets, whose type is private to the stubs.
FIELDSETS: Any = (
    (None, {"fields": ("name", "description")}),
    (
        "Prompt and greeting",
        {"fields": ("prompt", "greeting", "goodbye")},
    ),
    ("Voice and language", {"fields": ("language", "voice_id")}),
    (
        "Silence and call length",
        {"fields": ("silence_after_s", "silence_prompt", "silence_prompts_max", "max_duration_s")},
    ),
    (
        "Speech and language models",
        {
            "fields": (
                "turn_policy",
                ("stt_provider", "stt_model"),
                ("llm_provider", "llm_model"),
                ("tts_provider", "tts_model"),
            ),
            "description": "How the agent hears, thinks and speaks. The defaults answer fastest.",
        },
    ),
    (
        "When a provider fails",
        {
            "fields": (
                "stt_fallbacks",
                "llm_fallbacks",
                "tts_fallbacks",
                "transfer_number",
            ),
            "description": "What takes over within the sentence when one of the above does not respond, in this order: "
            "one provider and model per line. Keys and addresses are in the settings.",
        },
    ),
)


class PersonaForm(ModelForm):
    class Meta:
        model = Persona
        fields = "__all__"
        error_messages: ClassVar[dict[str, dict[str, str]]] = {
            "prompt": {"required": "Tell the agent who it is and what it knows: it cannot answer without a prompt."},
            "greeting": {"required": "Write the first sentence of every call."},
            "name": {"unique": "Another persona already has this name. Choose a different one."},
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "voice_id" in self.fields:
            self._list_voices()
        for stage in STAGES:
            if (name := f"{stage}_fallbacks") in self.fields:
                self.fields[name] = FallbacksField(stage, str(self.fields[name].label))
        if "prompt" in self.fields:
            self.fields["prompt"].widget.attrs["rows"] = 14

    def _list_voices(self) -> None:
        """Of the provider that is chosen in the form: another one's voices are listed when it is saved."""
        former = self.instance.tts_provider
        chosen = str(self.data.get(self.add_prefix("tts_provider"), former))
        provider = registry.find_offering("tts", chosen)
        if provider is not None:
            current = self.instance.voice_id if chosen == former else ""
            self.fields["voice_id"] = voice_field(provider, current, self.fields["voice_id"])


class BoundedDecoder(json.JSONDecoder):
    """Says "no JSON" of whatever would be an exception in what reads it next. Raises JSONDecodeError."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "parse_constant": _refuse})

    def decode(self, text: str, *place: Any) -> Any:
        try:
            value = super().decode(text, *place)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:  # NaN; a number with thousands of digits; 100,000 brackets
            raise json.JSONDecodeError(str(error), text[:1], 0) from error
        if any(len(place) > json_values.MAX_DEPTH for place, _ in json_values.walk(value)):
            raise json.JSONDecodeError(f"nested more than {json_values.MAX_DEPTH} levels deep", text[:1], 0)
        return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


class IndentedJSONField(forms.JSONField):
    """JSON that people read: indented, with one line that says what is wrong."""

    default_error_messages: ClassVar = {
        "invalid": "This is not JSON: check quotes, commas and brackets.",
        "required": "Describe the arguments as a JSON schema.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "decoder": BoundedDecoder})

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, dict | list):
            return super().prepare_value(value)
        # What no page can show is shown as it was written: \ud800.
        return json.dumps(value, indent=2, ensure_ascii=json_values.fault(value) is not None)


class ToolInline(StackedInline):
    """The web services that a persona may call."""

    model = PersonaTool
    extra = 0
    verbose_name = "tool"
    verbose_name_plural = "Tools: web services that the agent may call during a conversation"
    fields = (("name", "timeout_s"), "description", ("url", "secret"), "parameters")
    readonly_fields = ("secret_name",)
    formfield_overrides: ClassVar = {
        **StackedInline.formfield_overrides,
        URLField: {"widget": URLInput, "assume_scheme": "https"},
        JSONField: {
            "form_class": IndentedJSONField,
            "widget": Textarea(attrs={"rows": 10, "class": "code-field", "spellcheck": "false"}),
        },
    }

    def get_fields(self, request: HttpRequest, obj: Persona | None = None) -> Any:
        """Who only reads gets no link to a secret's page that they may not open: Django would make one."""
        if self.has_change_permission(request, obj) or request.user.has_perm("agents.view_toolsecret"):
            return self.fields
        return (("name", "timeout_s"), "description", ("url", "secret_name"), "parameters")

    @column("Secret")
    def secret_name(self, tool: PersonaTool) -> str:
        return tool.secret.name if tool.secret else "none"
