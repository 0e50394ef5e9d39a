"""The Celery edge: bells. They carry ids, no work and no time; whatever is lost is rung again by the scheduler."""

import logging
import threading
import time

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.db import close_old_connections, connection

from campaigns.publishing import bells
from campaigns.publishing.services import flights
from campaigns.publishing.services import work as turns
from core import db, disk, installation

log = logging.getLogger(__name__)

BELL_EXPIRES = 30
"""Seconds after which a bell that nobody heard is worth nothing: another one has been rung."""
PUBLISH_SECONDS = 2.0


@shared_task(name="publishing.work", ignore_result=True, expires=BELL_EXPIRES)
def work(run_id: int) -> None:
    """Give the run one turn of this worker, and ring again when there is more."""
    close_old_connections()
    try:
        installation.beat("worker")
        if turns.work(run_id):
            bells.ring([run_id])
    except Exception as error:
        # What was in the air is settled from the journal; the scheduler rings again.
        disk.note(error)
        if not db.passes(error):
            raise
        log.info("A turn ended early: the database is %s.", "full" if disk.is_full(error) else "busy")
    finally:
        close_old_connections()


def _ring(run_id: int) -> None:
    """Publish one bell within two seconds, or raise: a broker that hangs must not hang a request."""
    failure: list[BaseException] = []

    def publish() -> None:
        try:
            work.apply_async((run_id,), retry=False, expires=BELL_EXPIRES)
        except Exception as error:
            failure.append(error)

    # A thread, because no transport's own timeout covers every step of connecting and confirming.
    thread = threading.Thread(target=publish, name="almanac-bell", daemon=True)
    thread.start()
    thread.join(PUBLISH_SECONDS)
    if thread.is_alive():
        raise TimeoutError("The broker did not answer in time.")
    if failure:
        raise failure[0]


bells.use(_ring)


@worker_ready.connect
def _beat_while_idle(**_signal: object) -> None:
    """A worker without work is alive too."""

    def beat() -> None:
        while True:
            try:
                installation.beat("worker")
            except Exception:
                connection.close()
            finally:
                close_old_connections()
            time.sleep(installation.BEAT_EVERY * 2)

    threading.Thread(target=beat, name="almanac-beat", daemon=True).start()


@worker_shutting_down.connect
def _end_soon(**_signal: object) -> None:
    """TERM or Ctrl-C: finish the slice that is in the air, begin no other, give the chunks back."""
    flights.stopping.set()
