"""Secrets of the services behind tools: written, replaced, and never shown."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db.models import Model
from django.http import HttpRequest

from agents.models import ToolSecret
from agents.tools import tool_secrets
from common.admin import ModelAdmin, ModelForm, PasswordInput


class ToolSecretForm(ModelForm):
    """Takes the secret, and never shows it: the field is always empty."""

    # A host that is changed needs the secret again: else whoever may edit could have it sent to their own.
    text = forms.CharField(
        label="Secret",
        max_length=4000,
        strip=True,
        widget=PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Sent to the service as Authorization: Bearer. It is stored encrypted and never shown again.",
    )

    class Meta:
        model = ToolSecret
        fields = ("name", "host")

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        if not text.isascii() or not text.isprintable():
            raise ValidationError("Only printable ASCII characters can be sent in a header.")
        try:
            tool_secrets.keep(self.instance, text)
        except ImproperlyConfigured as error:
            raise ValidationError(str(error)) from error
        return text


@admin.register(ToolSecret)
class ToolSecretAdmin(ModelAdmin):
    form = ToolSecretForm
    fields = ("name", "host", "text")
    list_display = ("name", "host", "updated_at")
    list_fullwidth = True
    search_fields = ("name",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name",) if obj else ()  # tools and versions know the secret by its name

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        return allowed and not (isinstance(obj, ToolSecret) and tool_secrets.is_used(obj))

    def get_actions(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """No deletion from the list: it would not ask whether a version needs the secret."""
        actions = super().get_actions(request, *args, **kwargs)
        return {name: action for name, action in actions.items() if name != "delete_selected"}
