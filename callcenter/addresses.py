"""Where a request comes from."""

from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The address that the connection came from.

    uvicorn puts it there, and takes X-Forwarded-For from the proxies in FORWARDED_ALLOW_IPS only. So nobody chooses
    the address under which wrong passwords are counted.
    """
    return str(request.META.get("REMOTE_ADDR") or "")
