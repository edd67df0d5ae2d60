"""The Celery application, as `celery -A sheda.worker:celery` finds it."""

from sheda.app import create_app

celery = create_app().extensions["celery"]
