"""How often somebody may write by the API, and try passwords."""

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle, UserRateThrottle

from callcenter.addresses import client_address

if TYPE_CHECKING:  # rest_framework.views imports this module
    from rest_framework.views import APIView


class WriteThrottle(UserRateThrottle):
    """Limits requests that place, end or change something to DISPATCH_RATE a user; reading is not limited."""

    scope = "write"

    def allow_request(self, request: Request, view: "APIView") -> bool:
        return request.method in SAFE_METHODS or bool(super().allow_request(request, view))


class LoginThrottle(SimpleRateThrottle):
    """Limits logins from one address, whatever the users' names: django-axes counts wrong passwords a name."""

    scope = "login"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return f"throttle_login_{client_address(request)}"

    @classmethod
    def refuses(cls, request: HttpRequest) -> bool:
        """Count one login of this address, and say whether it is one too many."""
        return not cls().allow_request(request, None)  # type: ignore[arg-type]  # only the address is read
