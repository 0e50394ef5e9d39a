"""Celery is an edge: it rings bells. Only this module and `tasks.py` files import it."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("almanac")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
