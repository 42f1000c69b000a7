"""The environment as settings read it: a value that cannot be read is named."""

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


class Env(environ.Env):  # type: ignore[misc]  # the package has no type hints
    """django-environ, whose errors name the variable."""

    def get_value(
        self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, parse_default: bool = False
    ) -> Any:
        """Return the variable's value. Raises ImproperlyConfigured when it is missing, or is not of its type."""
        try:
            return super().get_value(var, cast=cast, default=default, parse_default=parse_default)
        except ValueError as error:
            kind = getattr(cast, "__name__", "value")
            raise ImproperlyConfigured(
                f"{var} is not a valid {kind}: correct it in .env or the environment."
            ) from error
