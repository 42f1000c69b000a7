"""The admin pages of other people's apps, in the look of ours: users, tokens, devices, audit log, periodic tasks."""

from callcenter.admin import audit, devices, people, periodic_tasks, tokens

__all__ = ["audit", "devices", "people", "periodic_tasks", "tokens"]
