"""Celery is an edge: it rings bells. Only this module and `tasks.py` files import it."""

from celery import Celery
from celery.signals import setup_logging

from config import bell_folder, env

env.use_settings()

bell_folder.register()
app = Celery("almanac")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# For every thread: without it, a thread that rings gets an app of Celery's own, with a broker on localhost.
app.set_default()


@setup_logging.connect
def _leave_logging_alone(**_signal: object) -> None:
    """Django has set it up (LOGGING); with a receiver, Celery changes neither levels nor handlers."""
