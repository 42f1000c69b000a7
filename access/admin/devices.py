"""Devices for one-time codes. A device's QR code is shown until it has been used for the first time."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from access import devices
from common.admin import ModelAdmin, column

admin.site.unregister(TOTPDevice)
admin.site.unregister(StaticDevice)  # its pages show recovery codes: manage.py enrol_device makes new ones


@admin.register(TOTPDevice)
class DeviceAdmin(ModelAdmin):
    fields = ("user", "name")
    list_display = ("user", "name", "confirmed", "created_at", "last_used_at")
    list_select_related = ("user",)
    list_fullwidth = True
    search_fields = ("user__username",)
    autocomplete_fields: ClassVar = ["user"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("user", "name", "qr_code", "created_at", "last_used_at") if obj else ("user", "name")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.get_fields(request, obj) if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A QR code is as good as the device: only administrators see one."""
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))

    def response_add(self, request: HttpRequest, obj: TOTPDevice, post_url_continue: str | None = None) -> HttpResponse:
        return redirect("admin:otp_totp_totpdevice_change", object_id=obj.pk)  # where the QR code is

    @column("QR code")
    def qr_code(self, device: TOTPDevice) -> SafeString | str:
        if device.last_used_at is not None:
            return "This device is in use; its QR code is no longer shown. Delete the device to enroll another."
        image = mark_safe(devices.qr_svg(device))  # noqa: S308  made here, of letters and digits
        return format_html(
            '<div class="cc-qr">{}</div><p>Ask {} to scan this code with an authenticator app.</p>', image, device.user
        )
