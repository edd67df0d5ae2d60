"""The Celery application, as `celery -A sheda.worker:celery` finds it."""

from typing import Any

from celery.signals import worker_ready

from sheda.app import create_app
from sheda.core.health import beat

_app = create_app()
celery = _app.extensions["celery"]


@worker_ready.connect
def show_life(**_signal: Any) -> None:
    """Leave the first sign of life at once; the sweeps renew it."""
    with _app.app_context():
        beat()
