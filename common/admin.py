"""What all admin pages share: unfold's classes under types that mypy knows, and history that cannot be edited.

unfold has no type hints. At run time these names are unfold's; for the type checker they are the Django classes that
unfold extends.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from django.utils.text import smart_split
from unfold.decorators import action as unfold_action
from unfold.decorators import display as unfold_display
from unfold.enums import ActionVariant

if TYPE_CHECKING:
    from django import forms
    from django.contrib import admin
    from django.contrib.admin.views.main import ChangeList
    from django.forms import PasswordInput, Select, Textarea, TextInput, URLInput

    UnfoldAdmin = admin.ModelAdmin[Any]
    ModelForm = forms.ModelForm[Any]
    StackedInline = admin.StackedInline[Any, Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    from django.forms import ModelForm
    from unfold.admin import ModelAdmin as UnfoldAdmin
    from unfold.admin import StackedInline, TabularInline
    from unfold.views import ChangeList
    from unfold.widgets import UnfoldAdminPasswordWidget as PasswordInput
    from unfold.widgets import UnfoldAdminSelectWidget as Select
    from unfold.widgets import UnfoldAdminTextareaWidget as Textarea
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput
    from unfold.widgets import UnfoldAdminURLInputWidget as URLInput

__all__ = [
    "ChangeList",
    "HistoryAdmin",
    "ModelAdmin",
    "ModelForm",
    "PasswordInput",
    "Select",
    "StackedInline",
    "TabularInline",
    "TextInput",
    "Textarea",
    "URLInput",
    "column",
    "page_button",
    "searched_words",
    "wanted_object",
]


WORDS_MAX = 8  # each is a condition of its own on all columns of a search


def searched_words(request: HttpRequest, search: str) -> list[str]:
    """The first words of a search, as Django's admin splits it: a quoted phrase counts as one."""
    words = list(smart_split(search))
    if len(words) > WORDS_MAX:
        messages.warning(request, f"Only the first {WORDS_MAX} words were searched for: put phrases in quotes.")
    return words[:WORDS_MAX]


class ModelAdmin(UnfoldAdmin):
    """unfold's, whose searches are as long as a person types."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Called by Django for the list, and for fields that look objects up while one types."""
        return super().get_search_results(request, queryset, " ".join(searched_words(request, search_term)))


class HistoryAdmin(ModelAdmin):
    """Read-only pages: nobody, superusers included, can add, change or delete here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """An address may filter by what the list has filters for. Django would let it ask about every column."""
        column = lookup.partition("__")[0]
        try:
            self.opts.get_field(column)
        except FieldDoesNotExist:  # a filter's own parameter, or nothing
            return bool(super().lookup_allowed(lookup, value, request))
        names = [str(each[0] if isinstance(each, tuple) else each) for each in self.get_list_filter(request)]
        known = column in [name.partition("__")[0] for name in names]
        return known and bool(super().lookup_allowed(lookup, value, request))


def wanted_object(admin: ModelAdmin, request: HttpRequest, object_id: str) -> Any:
    """The object that a page is about. Raises Http404 when there is none, also for an id that cannot be one."""
    found = admin.get_object(request, object_id)
    if found is None:
        raise Http404(f"There is no {admin.opts.verbose_name} with this id.")
    return found


def column[F: Callable[..., Any]](
    description: str, *, ordering: str | None = None, label: Mapping[str, str] | None = None
) -> Callable[[F], F]:
    """Make a method a column of the list. `label` maps a value, or the first of a pair, to the color of its badge."""

    def decorate(function: F) -> F:
        unfold_display(function, description=description, ordering=ordering, label=dict(label) if label else None)
        return function

    return decorate


def page_button[F: Callable[..., Any]](
    description: str, *, permission: str, icon: str, path: str, primary: bool = False
) -> Callable[[F], F]:
    """Make a view a button at the top of an object's page. Who lacks the permission gets a 403.

    `permission`: the admin's `has_<permission>_permission` is asked. (unfold looks an `app.codename` up in the
    database while Django checks itself, when there may be none yet.)
    """

    def decorate(function: F) -> F:
        variant = ActionVariant.PRIMARY if primary else ActionVariant.DEFAULT
        decorated: F = unfold_action(
            function, description=description, permissions=[permission], icon=icon, url_path=path, variant=variant
        )
        return decorated

    return decorate
