"""The Django project: settings, URLs, the Celery app. It wires the other packages and holds no call logic."""

from callcenter.celery import app as celery_app

__all__ = ["celery_app"]
__version__ = "0.1.0"
