"""The admin site: where ADMIN_REQUIRES_OTP is true, a password alone opens nothing."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
else:
    from unfold.sites import UnfoldAdminSite as AdminSite


class CallCenterAdminSite(AdminSite):
    """unfold's site. Who logged in without a second factor, where one is asked for, is a stranger."""

    def __init__(self, name: str = "admin") -> None:
        from callcenter.login import LoginForm  # needs the user model, which is not there yet when this is imported

        self.login_form = LoginForm
        super().__init__(name)

    def has_permission(self, request: HttpRequest) -> bool:
        if not super().has_permission(request):
            return False
        return not settings.ADMIN_REQUIRES_OTP or request.user.is_verified()  # type: ignore[union-attr]  # OTPMiddleware
