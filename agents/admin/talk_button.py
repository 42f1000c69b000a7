"""A button on the page of whoever can be talked to from the browser: desk.callees knows the kinds."""

from typing import ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from common.admin import ModelAdmin, page_button, wanted_object


class TalkButton(ModelAdmin):
    """Adds `talk_view`, to be named in `actions_detail`."""

    callee_kind: ClassVar[str]

    def has_talk_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("calls.test_call")

    @page_button("Talk", permission="talk", icon="call", path="talk")
    def talk_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(f"{reverse('desk:talk')}?{self.callee_kind}={wanted_object(self, request, object_id).pk}")
