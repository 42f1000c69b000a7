"""Proofs of deletions on request, and the page that deletes a caller's data."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from calls.models import Erasure
from calls.phone import masked, to_e164
from calls.privacy import erasure
from common.admin import HistoryAdmin, column


@admin.register(Erasure)
class ErasureAdmin(HistoryAdmin):
    """Only who may add an erasure may delete a caller's data."""

    list_display = ("erased_at", "asked_by", "reason", "calls", "turns", "genuine")
    list_fullwidth = True
    search_fields = ("id", "reason", "asked_by")
    fields = (
        *("id", "erased_at", "asked_by", "reason", "calls", "turns", "events", "webhooks", "dead_letters"),
        *("number_digest", "seal", "genuine"),
    )
    readonly_fields = ("id", "genuine")

    @column("Seal", label={"genuine": "success", "changed": "danger"})
    def genuine(self, proof: Erasure) -> tuple[str, str]:
        return ("genuine", "Genuine") if erasure.is_genuine(proof) else ("changed", "Changed since it was written")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.erase_view)
        return [path("erase/", view, name="calls_erasure_erase"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        may = request.user.has_perm("calls.add_erasure")
        link = reverse("admin:calls_erasure_erase") if may else ""
        return super().changelist_view(request, {**(extra_context or {}), "erase_url": link})

    def erase_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a number; on POST delete the caller's data, and show the proof."""
        if not request.user.has_perm("calls.add_erasure"):
            raise PermissionDenied
        if request.method == "POST" and (proof := self._erase(request)):
            return redirect("admin:calls_erasure_change", object_id=proof.pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Delete a caller's data",
            "number": request.POST.get("number", ""),
            "reason": request.POST.get("reason", ""),
        }
        return TemplateResponse(request, "admin/calls/erasure/erase.html", context)

    def _erase(self, request: HttpRequest) -> Erasure | None:
        number, reason = request.POST.get("number", ""), request.POST.get("reason", "")
        try:
            proof = erasure.erase_number(number, request.user.get_username(), reason)
        except ValidationError as error:
            messages.error(request, f"Nothing was deleted. Number: {' '.join(error.messages)}")
        except erasure.StillLive as error:
            messages.error(request, f"Nothing was deleted. {error}")
        else:
            shown = masked(to_e164(number))
            messages.success(request, f"The data of {shown} in {proof.calls} calls was deleted. This is the proof.")
            return proof
        return None
