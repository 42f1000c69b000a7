"""What the log says of a request that failed: no query, which may hold a number or words, and no whole number."""

from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware

from calls.phone import mask_numbers


class PrivateRequestMiddleware(RequestMiddleware):
    """django-structlog's, whose own lines have the whole address."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        """Return method and path, as the log has them."""
        return f"{request.method} {mask_numbers(request.path)}"
