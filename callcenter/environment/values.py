"""The environment as settings read it: a value that cannot be read is named."""

import re
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


class Env(environ.Env):  # type: ignore[misc]  # the package has no type hints
    """django-environ, whose errors name the variable, and whose values are taken as they stand."""

    def provider_url(self, name: str) -> str:
        """Return the address of a provider, or an empty string.

        In a container 127.0.0.1 is the container itself: there the simulator's address on this machine, as it stands in
        env.template, becomes that of the service "simulator".
        """
        url: str = self.str(name, default="")
        if not self.bool("IN_CONTAINERS", default=False):
            return url
        port = self.str("SIMULATOR_PORT", default="") or "8090"
        here = re.compile(rf"http://(127\.0\.0\.1|localhost):{re.escape(port)}(?=/|$)")
        return here.sub(f"http://simulator:{port}", url)

    def list(self, name: str, cast: Any = None, default: Any = environ.Env.NOTSET) -> list[Any]:
        """Split at commas, without surrounding blanks. Empty parts are left out."""
        values = super().list(name, cast=cast, default=default)
        stripped = [value.strip() if isinstance(value, str) else value for value in values]
        return [value for value in stripped if value != ""]

    def get_value(
        self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, parse_default: bool = False
    ) -> Any:
        """Return the variable's value. Raises ImproperlyConfigured when it is missing, or is not of its type."""
        literal = self.ENVIRON.get(f"{self.prefix}{var}", "")
        try:
            if literal.startswith("$"):  # a secret may; django-environ would look for a variable of that name
                return self.parse_value(literal, cast)
            return super().get_value(var, cast=cast, default=default, parse_default=parse_default)
        except ValueError as error:
            kind = getattr(cast, "__name__", "value")
            raise ImproperlyConfigured(
                f"{var} is not a valid {kind}: correct it in .env or the environment."
            ) from error
