"""Celery's own classes, as far as ours differ: each with its reason."""
