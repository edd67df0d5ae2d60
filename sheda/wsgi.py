"""The web application, as `gunicorn sheda.wsgi:app` finds it: made once, before the web processes fork."""

import gc

from sheda.app import create_app

app = create_app()

# What is there by now lives as long as the process. Looking through it at every full collection cost a fifth of a
# request's time, and copied to each process the pages that a fork shares.
gc.collect()
gc.freeze()
