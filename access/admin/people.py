"""Users and groups."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from common.admin import ModelAdmin

if TYPE_CHECKING:
    from django.contrib.auth import admin as auth_admin
    from django.contrib.auth import forms as auth_forms
    from django.contrib.auth.forms import AdminPasswordChangeForm, UserCreationForm

    DjangoUserAdmin = auth_admin.UserAdmin[User]
    UserChangeForm = auth_forms.UserChangeForm[User]
else:
    from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
    from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "last_name", "is_staff", "is_superuser", "last_login")
    list_fullwidth = True

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Only a superuser changes a superuser, the password included."""
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """User managers cannot grant more than the groups do."""
        fixed = () if _is_superuser(request) else ("is_superuser", "user_permissions")
        return (*super().get_readonly_fields(request, obj), *fixed)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    return user is None or not user.is_superuser or _is_superuser(request)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    list_fullwidth = True
