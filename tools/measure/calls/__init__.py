"""Synthetic callers, and what they heard; webhooks in place of callers."""
