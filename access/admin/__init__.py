"""The admin pages of people, devices, API tokens and the audit log: other people's apps in the look of ours."""

from access.admin import audit, devices, people, tokens

__all__ = ["audit", "devices", "people", "tokens"]
