"""Who may use the API: a person by permissions; a token by its scope, and never beyond what its owner may do.

`HasScope.of("read" | "dispatch" | "admin")` is the permission class of a view; a scope includes those before it.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from rest_framework.permissions import SAFE_METHODS, BasePermission, DjangoModelPermissions
from rest_framework.request import Request

if TYPE_CHECKING:  # rest_framework.views imports this module
    from rest_framework.views import APIView

User = Any  # a Django user or AnonymousUser; the request's type in the stubs is too narrow for both


class Scope(IntEnum):
    """What a token may do. Each includes the ones before it."""

    READ = 1
    DISPATCH = 2
    ADMIN = 3


# What the owner of a token, or the person in a session, needs.
_NEEDED: dict[Scope, Callable[[User], bool]] = {
    Scope.READ: lambda user: user.has_perm("calls.view_call"),
    Scope.DISPATCH: lambda user: user.has_perm("calls.dispatch_call"),
    Scope.ADMIN: lambda user: user.is_active and user.is_superuser,
}


def token_allows(request: Request, scope: Scope) -> bool:
    """True unless the request came with a token, and the token's scope is less than `scope`."""
    token: Any = request.auth
    return token is None or Scope[str(token.scope).upper()] >= scope


class HasScope(BasePermission):
    """Allows who has the scope. Use a subclass made by `of`."""

    scope: ClassVar[Scope] = Scope.ADMIN
    message = "Your token or your permissions do not allow this."

    @classmethod
    def of(cls, name: str) -> type["HasScope"]:
        """Return the permission class for `read`, `dispatch` or `admin`. Raises KeyError for another name."""
        scope = Scope[name.upper()]
        return type(f"Has{name.capitalize()}Scope", (cls,), {"scope": scope, "__doc__": f"Allows the scope {name}."})

    def has_permission(self, request: Request, view: "APIView") -> bool:
        user: AbstractBaseUser | AnonymousUser = request.user
        return user.is_authenticated and _NEEDED[self.scope](user) and token_allows(request, self.scope)


class HasPermission(BasePermission):
    """Allows who has a permission of Django's; a token needs the scope `dispatch`, too. Use a subclass made by `of`."""

    permission: ClassVar[str] = ""
    message = HasScope.message

    @classmethod
    def of(cls, name: str) -> type["HasPermission"]:
        """Return the permission class for `app.codename`."""
        return type("Has" + name.title().replace("_", "").replace(".", ""), (cls,), {"permission": name})

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return request.user.has_perm(self.permission) and token_allows(request, Scope.DISPATCH)


class ReadPermission(DjangoModelPermissions):
    """Reading needs the model's `view` permission, as the viewer and supervisor groups have it; writing needs more.

    A token needs the scope `read` for it, and `admin` to write.
    """

    perms_map = {
        **DjangoModelPermissions.perms_map,
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
    }

    def has_permission(self, request: Request, view: "APIView") -> bool:
        scope = Scope.READ if request.method in SAFE_METHODS else Scope.ADMIN
        return bool(super().has_permission(request, view)) and token_allows(request, scope)
