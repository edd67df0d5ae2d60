"""The Celery application, as `celery -A sheda.worker:celery` finds it."""

from typing import Any

from celery.signals import beat_init, before_task_publish, worker_process_init, worker_ready

from sheda.app import create_app
from sheda.core.health import beat, tick
from sheda.processes import die_with_parent, keep_what_is_there

_app = create_app()
celery = _app.extensions["celery"]
keep_what_is_there()


@worker_ready.connect
def show_life(**_signal: Any) -> None:
    """Leave the first sign of life at once; the sweeps renew it."""
    with _app.app_context():
        beat()


@beat_init.connect
def show_beat(**_signal: Any) -> None:
    """Leave beat's sign of life whenever it rings a job; only its own process comes here."""
    before_task_publish.connect(_show_ring, weak=False)


def _show_ring(**_signal: Any) -> None:
    with _app.app_context():
        tick()


@worker_process_init.connect
def follow(**_signal: Any) -> None:
    """Leave no pool process behind a worker that was killed; what it had claimed comes back by itself."""
    die_with_parent()
