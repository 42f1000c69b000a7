"""Flower's configuration (`celery flower --conf`): its metrics are shown to those who log in, like its pages.

Flower answers `/metrics` without its login: names of workers and tasks, and how often each failed.
"""

from flower.views.monitor import Metrics
from tornado.web import authenticated

Metrics.get = authenticated(Metrics.get)
