"""The admin site: where ADMIN_REQUIRES_OTP is true, a password alone opens nothing."""

from typing import TYPE_CHECKING

from django.http import HttpRequest

from access import second_factor

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
else:
    from unfold.sites import UnfoldAdminSite as AdminSite


class CallCenterAdminSite(AdminSite):
    """unfold's site. Where a second factor is required, anyone who logged in without one is treated as logged out."""

    def __init__(self, name: str = "admin") -> None:
        from access.login import LoginForm  # needs the user model, which is not there yet when this is imported

        self.login_form = LoginForm
        super().__init__(name)

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and second_factor.is_complete(request.user)
