"""API tokens: created, shown once, and revoked."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from knox.models import get_digest_token
from knox.settings import CONSTANTS

from access.models import ApiToken
from common.admin import ModelAdmin, ModelForm, TextInput, column

DAYS = 90
LONGEST_DAYS = 3650


class ApiTokenForm(ModelForm):
    days = forms.IntegerField(
        label="Days",
        initial=DAYS,
        min_value=1,
        max_value=LONGEST_DAYS,
        widget=TextInput,
        help_text="How long the token is valid.",
    )

    class Meta:
        model = ApiToken
        fields = ("name", "user", "scope")


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):
    """Only the digest is stored, so nothing can be looked up or changed here: a token is revoked, and a new one
    created.
    """

    form = ApiTokenForm
    fields = ("name", "user", "scope", "days")
    list_display = ("name", "user", "scope", "created", "expiry", "begins_with")
    list_select_related = ("user",)
    list_fullwidth = True
    search_fields = ("name", "user__username")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A token may do what its owner may, and is shown to who makes it: only superusers make those of others."""
        if db_field.name == "user" and not getattr(request.user, "is_superuser", False):
            kwargs["queryset"] = User.objects.filter(pk=request.user.pk or 0)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @column("Begins with")
    def begins_with(self, token: ApiToken) -> str:
        return f"{token.token_key[:8]}…"

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name", "user", "scope", "created", "expiry") if obj else ("name", "user", "scope", "days")

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        digest, token = get_digest_token()
        obj.digest, obj.token_key = digest, token[: CONSTANTS.TOKEN_KEY_LENGTH]
        obj.expiry = timezone.now() + timedelta(days=form.cleaned_data["days"])
        super().save_model(request, obj, form, change)
        request.made_token = token  # type: ignore[attr-defined]  # for the answer to this request, and nothing else

    def response_add(self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Token for {obj.name}",
            "token": request.made_token,  # type: ignore[attr-defined]
        }
        return TemplateResponse(request, "admin/callcenter/apitoken/made.html", context)
