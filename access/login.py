"""Logging in: user, password and, where ADMIN_REQUIRES_OTP is true, a one-time code."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import transaction
from django_otp import devices_for_user
from django_otp.plugins.otp_static.models import StaticDevice

from access.authentication import LONGEST_NAME
from access.throttling import LoginThrottle

# Not from common.admin: the pages of agents need the site, and the site this form.
if TYPE_CHECKING:
    from django.contrib.admin.forms import AdminAuthenticationForm as AuthenticationForm
    from django.forms import TextInput
else:
    from unfold.forms import AuthenticationForm
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput

NO_DEVICE = (
    "This account has no device for one-time codes yet: ask an administrator to enroll one, in the admin under Devices "
    "or with manage.py enrol_device."
)
TOO_MANY = "Too many login attempts from this address. Wait a minute."
WRONG_CODE = (
    "This code is wrong or has already been used. Wait for the next one; after wrong codes, wait a few seconds longer."
)


class LoginForm(AuthenticationForm):
    """unfold's form with the code. A code of six digits is the device's; anything else is a recovery code."""

    otp_token = forms.CharField(
        label="One-time code",
        required=False,
        max_length=32,
        widget=TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "text"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Django limits what the browser takes, and not what it is sent: django-axes could not write it down.
        self.fields["username"].validators.append(MaxLengthValidator(LONGEST_NAME))
        if not settings.ADMIN_REQUIRES_OTP:
            del self.fields["otp_token"]

    def clean(self) -> dict[str, Any]:
        if self.request is not None and LoginThrottle.refuses(self.request):
            raise ValidationError(TOO_MANY, code="too_many")
        cleaned: dict[str, Any] = super().clean()  # checks the password, and locks out who guesses
        user = self.get_user()
        if user is not None and settings.ADMIN_REQUIRES_OTP:
            # django-otp writes it into the session when the login is complete.
            user.otp_device = verified_device(user, str(cleaned.get("otp_token") or "").strip())  # type: ignore[attr-defined]
        return cleaned


def verified_device(user: AbstractBaseUser, code: str) -> Any:
    """Return the user's device that the code belongs to, and use the code up. Raises ValidationError without one."""
    is_recovery = not code.isdigit()
    # Committed in any case: a device counts wrong codes, and makes the guesser wait twice as long each time.
    with transaction.atomic():
        devices = list(devices_for_user(user, for_verify=True))
        fitting = [device for device in devices if isinstance(device, StaticDevice) == is_recovery]
        verified = next((device for device in fitting if code and device.verify_token(code)), None)
    if not devices:
        raise ValidationError(NO_DEVICE, code="no_device")
    if verified is None:
        raise ValidationError(WRONG_CODE if code else "Enter the one-time code from your device.", code="otp")
    return verified
