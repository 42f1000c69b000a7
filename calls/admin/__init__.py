"""Where calls are read and numbers are edited."""

from calls.admin import call, phone_number, webhook_event

__all__ = ["call", "phone_number", "webhook_event"]
