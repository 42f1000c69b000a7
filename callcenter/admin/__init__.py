"""The admin pages of other people's apps, in the look of ours: users, groups, periodic tasks."""

from callcenter.admin import people, periodic_tasks

__all__ = ["people", "periodic_tasks"]
