"""How the API authenticates clients, besides tokens: from the admin's session or, without one-time codes, from a
password.
"""

from typing import Any

from drf_spectacular.authentication import BasicScheme, SessionScheme
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox.auth import TokenAuthentication as KnoxAuthentication
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from access import second_factor
from access.throttling import LoginThrottle

LONGEST_NAME = 150  # characters, as Django's users have it


class TokenAuthentication(KnoxAuthentication):  # type: ignore[misc]  # the package has no type hints
    """Tokens are letters and digits; anything else never reaches the database, which might not accept it."""

    def authenticate_credentials(self, token: bytes) -> Any:
        if not token.isalnum():
            raise AuthenticationFailed("Invalid token.")
        return super().authenticate_credentials(token)


class SessionAuthentication(authentication.SessionAuthentication):
    """A session opens the API only where it opens the admin."""

    def authenticate(self, request: Request) -> Any:
        user: Any = getattr(request._request, "user", None)
        if user is None or not second_factor.is_complete(user):
            return None
        return super().authenticate(request)


class BasicAuthentication(authentication.BasicAuthentication):
    """Wrong passwords count as on the login form: by django-axes for the name, here for the address."""

    def authenticate_credentials(self, userid: str, password: str, request: Any = None) -> Any:
        if len(userid) > LONGEST_NAME or "\0" in userid:
            raise AuthenticationFailed("Invalid username/password.")  # nobody's name, and django-axes could not keep it
        throttle = LoginThrottle()
        if throttle.is_exceeded(request):
            raise Throttled(throttle.wait(), "Too many login attempts from this address.")
        try:
            return super().authenticate_credentials(userid, password, request)
        except AuthenticationFailed:
            throttle.allow_request(request)
            raise


class TokenInSchema(KnoxTokenScheme):  # type: ignore[no-untyped-call]  # the package has no type hints
    """For drf-spectacular, which knows the classes above by their own names only."""

    target_class = "access.authentication.TokenAuthentication"


class SessionInSchema(SessionScheme):  # type: ignore[no-untyped-call]  # the package has no type hints
    """As above."""

    target_class = "access.authentication.SessionAuthentication"


class BasicInSchema(BasicScheme):  # type: ignore[no-untyped-call]  # the package has no type hints
    """As above."""

    target_class = "access.authentication.BasicAuthentication"
