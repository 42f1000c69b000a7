"""How often someone may write through the API, and try passwords."""

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle, UserRateThrottle

from access.addresses import client_network
from common.counting import Window, counter

if TYPE_CHECKING:  # rest_framework.views imports this module
    from rest_framework.views import APIView


class _Counted(SimpleRateThrottle):
    """A throttle that counts with one atomic step: two requests at once cannot both be the last one allowed."""

    _window = Window(0, 0.0)
    num_requests: int
    duration: int

    def allow_request(self, request: Request | HttpRequest, view: "APIView | None" = None) -> bool:
        self._window = counter.add(self._key(request, view), self.duration)
        return self._window.count <= self.num_requests

    def is_exceeded(self, request: Request | HttpRequest) -> bool:
        """Whether the next request would be one too many; counts nothing."""
        self._window = counter.look(self._key(request, None), self.duration)
        return self._window.count >= self.num_requests

    def wait(self) -> float:
        """Seconds until the next request is allowed, after one of the two has refused one."""
        return self._window.ends_in_s

    def _key(self, request: Any, view: Any) -> str:
        return str(self.get_cache_key(request, view))


class WriteThrottle(_Counted, UserRateThrottle):
    """Limits requests that place, end or change something to DISPATCH_RATE per user; reading is not limited."""

    scope = "write"

    def allow_request(self, request: Request | HttpRequest, view: "APIView | None" = None) -> bool:
        return request.method in SAFE_METHODS or super().allow_request(request, view)


class LoginThrottle(_Counted):
    """Limits logins from one address, whatever the users' names: django-axes counts wrong passwords per name."""

    scope = "login"

    def get_cache_key(self, request: Any, view: Any) -> str:
        return f"throttle_login_{client_network(request)}"

    @classmethod
    def refuses(cls, request: HttpRequest) -> bool:
        """Count one login of this address, and say whether it is one too many."""
        return not cls().allow_request(request)
