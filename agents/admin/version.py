"""Published versions: read, compared, and made live again; never edited."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RelatedDropdownFilter

from agents import drafts, services
from agents.admin.fallback_fields import FallbackLists, fieldsets_to_read
from agents.admin.highlight import highlight
from agents.admin.persona_form import FIELDSETS
from agents.admin.talk_button import TalkButton
from agents.models import PersonaVersion
from common.admin import ChangeList, HistoryAdmin, column, page_button, wanted_object


class PublishedVersions(ChangeList):
    """The list, without the drafts that were tried."""

    def get_queryset(self, request: HttpRequest, *options: Any, **more: Any) -> QuerySet[PersonaVersion]:
        return super().get_queryset(request, *options, **more).exclude(number=None)


@admin.register(PersonaVersion)
class PersonaVersionAdmin(FallbackLists, TalkButton, HistoryAdmin):
    """What callers heard, and since when. A draft that was tried has a page, to which its calls lead."""

    list_display = ("__str__", "live", "note", "published_at", "published_by")
    list_filter = (("persona", RelatedDropdownFilter),)
    list_filter_submit = True
    list_fullwidth = True
    search_fields = ("persona__name", "note")
    list_select_related = ("persona__live_version", "published_by")
    fieldsets = (
        (None, {"fields": ("persona", "number", "note", "published_at", "published_by")}),
        *fieldsets_to_read(FIELDSETS[1:]),
        ("Tools", {"fields": ("tool_list",)}),
    )
    readonly_fields = ("tool_list", *FallbackLists.FALLBACK_LISTS)
    callee_kind = "version"
    actions_detail: ClassVar = ["talk_view", "compare_view", "roll_back_view"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PersonaVersion]:
        rows: QuerySet[PersonaVersion] = super().get_queryset(request)
        return rows.select_related("persona__live_version", "published_by")

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return PublishedVersions

    @column("State", label={"live": "success", "earlier": "info", "later": "info"})
    def live(self, version: PersonaVersion) -> tuple[str, str]:
        return ("live", "Live") if version.persona.live_version_id == version.pk else ("earlier", "Not live")

    @column("Web services")
    def tool_list(self, version: PersonaVersion) -> SafeString | str:
        if not version.tools:
            return "none"
        rows = ((tool.name, tool.description, tool.url, tool.timeout_s) for tool in version.tools)
        line = "<div><strong>{}</strong>: {}<br><code>{}</code>, at most {} s</div>"
        return format_html('<div class="cc-tools">{}</div>', format_html_join("", line, rows))

    def has_publish_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("agents.publish_persona")

    @page_button("Compare", permission="view", icon="compare_arrows", path="compare")
    def compare_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Compare this version with another one of the same persona: `?with=<id>`, else the one before it."""
        version: PersonaVersion = wanted_object(self, request, object_id)
        others = list(version.persona.versions.published().exclude(pk=version.pk))
        wanted = request.GET.get("with", "")
        earlier = (other for other in others if other.published_at < version.published_at)
        other = next((other for other in others if str(other.pk) == wanted), None) or next(earlier, None)
        other = other or next(iter(others), None)
        before, after = sorted((version, other or version), key=lambda each: each.published_at)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Compare versions of {version.persona}",
            "original": version,
            "version": version,
            "others": others,
            "other": other,
            "before": before,
            "after": after,
            "differences": highlight(services.compare(before, after)),
            "roll_back_to": self._roll_back_targets(request, before, after),
        }
        return TemplateResponse(request, "admin/agents/personaversion/compare.html", context)

    def _roll_back_targets(self, request: HttpRequest, *versions: PersonaVersion) -> list[PersonaVersion]:
        """Those of the versions that are not live, newest first, for who may roll back."""
        if not self.has_publish_permission(request):
            return []
        found = {
            version.pk: version
            for version in versions
            if version.number is not None and version.persona.live_version_id != version.pk
        }
        return sorted(found.values(), key=lambda version: version.published_at, reverse=True)

    @page_button(
        "Roll back to this version",
        permission="publish",
        icon="settings_backup_restore",
        path="roll-back",
    )
    def roll_back_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what callers would hear instead; go back on POST."""
        version: PersonaVersion = wanted_object(self, request, object_id)
        persona = version.persona
        if version.number is None:
            messages.error(request, "A draft that was tried cannot be live: edit the persona, and publish it.")
            return redirect("admin:agents_personaversion_change", object_id=version.pk)
        if persona.live_version_id == version.pk and not drafts.unpublished_changes(persona):
            messages.info(request, f"{version} is already live, and the draft is the same.")
            return redirect("admin:agents_personaversion_change", object_id=version.pk)
        if request.method == "POST":
            try:
                services.roll_back(version)
            except ValidationError as error:
                messages.error(request, f"{version} cannot be live again. {' '.join(error.messages)}")
                return redirect("admin:agents_personaversion_change", object_id=version.pk)
            self.log_change(request, persona, f"Rolled back to version {version.number}.")
            messages.success(request, f"{version} is live again: the next caller hears it. The draft is the same.")
            return redirect("admin:agents_persona_change", object_id=persona.pk)
        live = persona.live_version
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Roll back {persona} to version {version.number}",
            "original": version,
            "version": version,
            "live": live,
            "differences": highlight(services.compare(live, version)) if live else [],
            "lost": drafts.unpublished_changes(persona),
        }
        return TemplateResponse(request, "admin/agents/personaversion/roll_back.html", context)
