"""The Django project: settings, URLs, the Celery app. It wires the other packages and holds no call logic."""

from callcenter.celery import app as celery_app

__all__ = ["celery_app"]
# The only place. tests/deployment/test_version.py names the image tags that must follow.
__version__ = "0.2.0"
