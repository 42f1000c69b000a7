"""Users and groups."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group, User

from agents.admin.base import ModelAdmin

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


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    list_fullwidth = True
