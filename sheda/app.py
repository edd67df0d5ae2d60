"""Make the app: settings → database → Flask-AppBuilder → rooms → errors → commands."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, Request
from flask_appbuilder import AppBuilder
from flask_migrate import Migrate
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import MapAdapter

from sheda import rooms
from sheda.cli import commands
from sheda.core import cors, events, jobs, languages, limits, media, outbox, shelf, web
from sheda.core.db import db

ROOT = Path(__file__).resolve().parent.parent


class Plain(Flask):
    """A Flask app none of whose functions is a coroutine, so that none is looked at before each call."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Find a WebSocket's handshake among the ordinary routes: it is a GET, which is refused or handed over."""
        adapter = super().create_url_adapter(request)
        if adapter is not None and adapter.websocket:
            adapter.websocket = False
            adapter.url_scheme = adapter.url_scheme.replace("ws", "http")
        return adapter


def create_app(**overrides: Any) -> Flask:
    """Make one Sheda app; `overrides` replace settings. RuntimeError names a missing or unsafe setting."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("flask_appbuilder").setLevel(
        logging.ERROR
    )  # it warns of column types that our lists never filter by
    app = Plain("sheda", root_path=str(ROOT / "sheda"), template_folder=str(ROOT / "templates"))
    app.config.from_object("config")
    app.config.update(overrides)
    _refuse_unsafe(app)
    app.url_map.strict_slashes = False
    if app.config["TRUSTED_PROXIES"]:
        hops = app.config["TRUSTED_PROXIES"]
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    db.init_app(app)
    Migrate(app, db, directory=str(ROOT / "migrations"), compare_type=True)
    app.extensions["limits"] = limits.init_limits(app.config)
    shelf.install(app)
    CSRFProtect(app)
    with app.app_context():
        appbuilder = AppBuilder(app, db.session, update_perms=False)
        rooms.register(appbuilder)
    languages.install(app)
    events.react_with(rooms.REACTIONS)
    jobs.make_celery(app, rooms.JOBS)
    outbox.ring_with(*rooms.RINGS)
    web.install(app)
    media.install(app)
    cors.install(app)
    app.cli.add_command(commands)
    return app


def _refuse_unsafe(app: Flask) -> None:
    config = app.config
    for name in ("SQLALCHEMY_DATABASE_URI", "SECRET_KEY", "JWT_SECRET_KEY"):
        if not config[name]:
            setting = {"SQLALCHEMY_DATABASE_URI": "DATABASE_URL"}.get(name, name)
            raise RuntimeError(f"{setting} is not set; `python3 run.py` sets it for the embedded default.")
    for scheme in ("postgres://", "postgresql://"):
        if config["SQLALCHEMY_DATABASE_URI"].startswith(scheme):
            rest = config["SQLALCHEMY_DATABASE_URI"].removeprefix(scheme)
            config["SQLALCHEMY_DATABASE_URI"] = f"postgresql+psycopg://{rest}"
    if config["SECRET_KEY"] == config["JWT_SECRET_KEY"]:
        raise RuntimeError("JWT_SECRET_KEY must differ from SECRET_KEY.")
    if config["ENVIRONMENT"] == "production" and not config["RATELIMIT_ENABLED"]:
        raise RuntimeError("RATELIMIT_ENABLED=false is for tests and benchmarks; production refuses it.")
    if config["ENVIRONMENT"] == "production" and config["OUTBOUND_LOCAL"]:
        raise RuntimeError("OUTBOUND_LOCAL=true lets webhooks reach private networks; production refuses it.")
