"""Whether a login is complete: with a one-time code, where ADMIN_REQUIRES_OTP is true."""

from typing import Any

from django.conf import settings


def is_complete(user: Any) -> bool:
    """Whether this request's user, as django-otp's middleware marks it, needs no further factor."""
    return not settings.ADMIN_REQUIRES_OTP or user.is_verified()


def opens_pages(user: Any) -> bool:
    """Whether this request's user may see a page that everyone who is logged in may see."""
    return user.is_authenticated and is_complete(user)
