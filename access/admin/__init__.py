"""The admin pages of people, devices, API tokens and the audit log: third-party apps with our look."""

from access.admin import audit, devices, people, tokens

__all__ = ["audit", "devices", "people", "tokens"]
