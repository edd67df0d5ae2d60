"""The public pictures of this machine's store, served by the web process; a bucket serves its own."""

from flask import Flask, Response, send_from_directory

from sheda.core.errors import NotFound
from sheda.core.files import Area, FolderStore, media_type, store

YEAR = 365 * 24 * 3600


def install(app: Flask) -> None:
    """Serve `/media/<key>`."""
    app.add_url_rule("/media/<path:key>", "media", _picture)


def _picture(key: str) -> Response:
    kept = store()
    if not isinstance(kept, FolderStore):
        raise NotFound
    folder = kept.folder.resolve() / Area.PUBLIC
    answer = send_from_directory(folder, key, mimetype=media_type(key), max_age=YEAR)
    # A key is never used for other bytes, so nobody need ever ask again; a browser shall not guess another type.
    answer.cache_control.public, answer.cache_control.immutable = True, True
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
