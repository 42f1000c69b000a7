"""Periodic tasks of django-celery-beat.

Its own admin offers a list of all registered tasks, and would import the workers, and Pipecat, to make it. Here the
name of the task is written.
"""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    PeriodicTasks,
    SolarSchedule,
)

from common.admin import ModelAdmin, TextInput

if TYPE_CHECKING:
    BeatForm = forms.ModelForm[Any]
else:
    from django_celery_beat.admin import PeriodicTaskForm as BeatForm

for model in (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    admin.site.unregister(model)


class PeriodicTaskForm(BeatForm):
    regtask = None
    task = forms.CharField(max_length=200, widget=TextInput, help_text="The task's name: for example calls.sweep.")


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(ModelAdmin):
    form = PeriodicTaskForm
    list_display = ("name", "task", "scheduler", "enabled", "last_run_at")
    list_fullwidth = True
    search_fields = ("name", "task")
    list_select_related = ("interval", "crontab", "solar", "clocked")
    readonly_fields = ("last_run_at",)
    actions = ["enable", "disable"]
    fieldsets = (
        (None, {"fields": ("name", "task", "enabled", "description")}),
        (
            "Schedule: choose one",
            {"fields": ("interval", "crontab", "solar", "clocked", "start_time", "last_run_at", "one_off")},
        ),
        ("Arguments, in JSON", {"fields": ("args", "kwargs")}),
        ("Sending", {"fields": ("queue", "priority", "expires", "expire_seconds", "headers")}),
    )

    @admin.action(description="Enable")
    def enable(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._switch(request, queryset, on=True)

    @admin.action(description="Disable")
    def disable(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._switch(request, queryset, on=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Any], *, on: bool) -> None:
        count = queryset.update(enabled=on)
        PeriodicTasks.update_changed()  # tells beat to read the table again
        self.message_user(request, f"{count} {'task' if count == 1 else 'tasks'} {'enabled' if on else 'disabled'}.")


@admin.register(IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule)
class ScheduleAdmin(ModelAdmin):
    """The schedules that tasks refer to; opened from a task's page."""

    list_fullwidth = True
