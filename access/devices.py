"""Devices for one-time codes: an authenticator app that was shown a QR code, and recovery codes on paper."""

import io
import secrets

import segno
from django.contrib.auth.models import User
from django.db import transaction
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

RECOVERY_CODES = 10
AUTHENTICATOR = "Authenticator"
RECOVERY = "Recovery codes"


@transaction.atomic
def enrol(user: User) -> tuple[TOTPDevice, list[str]]:
    """Give the user a new device and new recovery codes, each of which works once. The earlier ones stop working."""
    TOTPDevice.objects.filter(user=user).delete()
    device = TOTPDevice.objects.create(user=user, name=AUTHENTICATOR)
    return device, new_recovery_codes(user)


def new_recovery_codes(user: User) -> list[str]:
    """Replace the user's recovery codes. They have a letter in them, which distinguishes them from a device's code."""
    StaticDevice.objects.filter(user=user).delete()
    paper = StaticDevice.objects.create(user=user, name=RECOVERY)
    codes = [f"r{secrets.token_hex(5)}" for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=paper, token=code) for code in codes)
    return codes


def qr_svg(device: TOTPDevice) -> str:
    """The QR code that an authenticator app reads, as an SVG element."""
    return str(segno.make(device.config_url, error="m").svg_inline(scale=5, border=3, light="#fff"))


def qr_terminal(device: TOTPDevice) -> str:
    """The same in block characters, for a terminal."""
    out = io.StringIO()
    segno.make(device.config_url, error="l").terminal(out, border=2, compact=True)
    return out.getvalue()
