"""The web application, as `gunicorn sheda.wsgi:app` finds it: made once, before the web processes fork."""

from sheda.app import create_app
from sheda.processes import keep_what_is_there

app = create_app()
keep_what_is_there()
