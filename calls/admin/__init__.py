"""Where calls are read and numbers are edited."""

from calls.admin import call, dead_letter, erasure, opening_hours, phone_number, webhook_event

__all__ = ["call", "dead_letter", "erasure", "opening_hours", "phone_number", "webhook_event"]
