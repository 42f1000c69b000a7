"""Personas: the draft, what callers hear of it, and publishing it."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents import drafts, services
from agents.admin.fallback_fields import FallbackLists, fieldsets_to_read
from agents.admin.highlight import highlight
from agents.admin.persona_form import FIELDSETS, PersonaForm, ToolInline
from agents.admin.talk_button import TalkButton
from agents.admin.voice_field import voice_list, voice_sample
from agents.models import Persona
from agents.problems import in_plain_words
from common.admin import column, page_button, wanted_object

SAVE_AND_PUBLISH = "agents_persona_save_and_publish"  # the name that unfold gives the button


@admin.register(Persona)
class PersonaAdmin(FallbackLists, TalkButton):
    """A draft that supervisors edit; publishing makes it what callers hear."""

    form = PersonaForm
    fieldsets = FIELDSETS
    readonly_fields = FallbackLists.FALLBACK_LISTS
    inlines: ClassVar = [ToolInline]
    list_display = ("name", "live", "draft", "language", "numbers", "updated_at")
    search_fields = ("name", "description", "prompt")
    callee_kind = "persona"
    actions_detail: ClassVar = ["talk_view", "publish_view", "versions_view"]
    actions_submit_line: ClassVar = ["save_and_publish"]
    warn_unsaved_form = True
    list_fullwidth = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Persona]:
        rows: QuerySet[Persona] = super().get_queryset(request)
        return (
            rows.select_related("live_version")
            .prefetch_related("tools__secret")
            .annotate(number_count=Count("numbers"))
        )

    def get_fieldsets(self, request: HttpRequest, obj: Persona | None = None) -> Any:
        """Who may only read reads the fallbacks line by line: Django would show the JSON."""
        can_edit = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return self.fieldsets if can_edit else fieldsets_to_read(self.fieldsets)

    def get_urls(self) -> list[Any]:
        sample = self.admin_site.admin_view(voice_sample)
        voices = self.admin_site.admin_view(voice_list)
        own = [
            path("voices/<slug:provider>/", voices, name="agents_persona_voices"),
            path("voice-sample/<slug:provider>/<str:voice_id>/", sample, name="agents_persona_voice_sample"),
        ]
        return [*own, *super().get_urls()]

    @column("Live version", ordering="live_version__number", label={"live": "success", "none": "danger"})
    def live(self, persona: Persona) -> tuple[str, str]:
        version = persona.live_version
        return ("live", f"Version {version.number}") if version else ("none", "Not live yet")

    @column("Draft", label={"differs": "warning", "same": "info", "new": "warning"})
    def draft(self, persona: Persona) -> tuple[str, str]:
        if persona.live_version is None:
            return ("new", "Never published")
        if drafts.unpublished_changes(persona):
            return ("differs", "Differs from live version")
        return ("same", "Published")

    @column("Numbers", ordering="number_count")
    def numbers(self, persona: Persona) -> SafeString | str:
        count: int = getattr(persona, "number_count", 0)
        url = reverse("admin:calls_phonenumber_changelist")
        if not count:
            return "none"
        return format_html('<a class="text-link" href="{}?persona__id__exact={}">{}</a>', url, persona.pk, count)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # unfold shows these buttons on the pages of objects that are there already only.
        unfold: Any = self
        extra = {"actions_submit_line": unfold.get_actions_submit_line(request, None)}
        return super().add_view(request, form_url, {**(extra_context or {}), **extra})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        persona = self.get_object(request, object_id)
        extra = {
            "changes": drafts.unpublished_changes(persona) if persona else [],
            "may_publish": request.user.has_perm("agents.publish_persona"),
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **extra})

    def save_model(self, request: HttpRequest, obj: Persona, form: Any, change: bool) -> None:
        # Only what was edited: a whole stale row would undo a version that someone publishes meanwhile.
        obj.save(update_fields=[*form.changed_data, "updated_at"] if change else None)

    def response_add(self, request: HttpRequest, obj: Persona, post_url_continue: str | None = None) -> HttpResponse:
        return self._publishing(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Persona) -> HttpResponse:
        return self._publishing(request, obj) or super().response_change(request, obj)

    def _publishing(self, request: HttpRequest, persona: Persona) -> HttpResponse | None:
        """The publish page after "Save and publish"; else a warning about a persona that callers cannot reach."""
        if SAVE_AND_PUBLISH in request.POST and self.has_publish_permission(request):
            return redirect("admin:agents_persona_publish_view", object_id=persona.pk)
        if persona.live_version_id is None:
            messages.warning(request, f"{persona} is not live yet: its numbers reject calls until it is published.")
        return None

    def has_publish_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("agents.publish_persona")

    def has_view_versions_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("agents.view_personaversion")

    @page_button("Save and publish", permission="publish", icon="campaign", path="save-and-publish")
    def save_and_publish(self, request: HttpRequest, persona: Persona) -> None:
        """The button beside Save: when the draft is saved, the publish page follows."""

    @page_button("Publish", permission="publish", icon="campaign", path="publish", primary=True)
    def publish_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what callers would hear from now on; publish it on POST."""
        persona: Persona = wanted_object(self, request, object_id)
        if request.method == "POST" and self._publish(request, persona):
            return self._to(persona)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Publish {persona}",
            "original": persona,
            "persona": persona,
            "differences": highlight(drafts.unpublished_changes(persona)),
            "live_heading": f"Live: version {persona.live_version.number}" if persona.live_version else "",
            "note": request.POST.get("note", ""),
        }
        return TemplateResponse(request, "admin/agents/persona/publish.html", context)

    def _publish(self, request: HttpRequest, persona: Persona) -> bool:
        note = request.POST.get("note", "").strip()
        if len(note) > 300:
            messages.error(request, "Note: write at most 300 characters.")
            return False
        user = request.user if request.user.is_authenticated else None
        try:
            version = services.publish(persona, user, note)
        except ValidationError as error:
            for line in in_plain_words(error):
                messages.error(request, f"Not published. {line}")
            return False
        self.log_change(request, persona, f"Published version {version.number}.")
        messages.success(request, f"Version {version.number} of {persona} is live: the next caller hears it.")
        return True

    def _to(self, persona: Persona) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:agents_persona_change", args=[persona.pk]))

    @page_button("Versions", permission="view_versions", icon="history", path="versions")
    def versions_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        persona: Persona = wanted_object(self, request, object_id)
        versions = reverse("admin:agents_personaversion_changelist")
        return HttpResponseRedirect(f"{versions}?persona__id__exact={persona.pk}")
