"""Files beside the database: one store by the setting MEDIA_URL, unguessable keys, nothing private at a public address.

A key is `<area>/<two letters>/<random>.<suffix>`; its area says who may ever see it. Bytes are written before the row
that names them is committed and erased after the row is gone, so a row never names a file that is not there.
"""

import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, partial
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from flask import current_app

from sheda.core.db import after_commit
from sheda.core.errors import NotFound, Unavailable

MEDIA_TYPES = {
    "webp": "image/webp",
    "jpg": "image/jpeg",
    "png": "image/png",
    "pdf": "application/pdf",
    "bin": "application/octet-stream",
}
"""Suffix to media type: everything that is ever stored."""


class Area(StrEnum):
    """Who may see a file: everybody by its address, parties through the API, or only the worker for a moment."""

    PUBLIC = "public"
    PRIVATE = "private"
    STAGING = "staging"


class Store(Protocol):
    """Keep bytes under keys; every method may raise Unavailable when the store cannot be reached."""

    def put(self, key: str, data: bytes) -> None:
        """Write the bytes whole or not at all."""

    def get(self, key: str) -> bytes:
        """Read the bytes; NotFound when there are none."""

    def copy(self, key: str, to: str) -> None:
        """Write the same bytes under another key; NotFound when there are none."""

    def delete(self, key: str) -> None:
        """Erase the bytes; nothing happens when there are none."""

    def written(self, area: Area) -> Iterator[tuple[str, datetime]]:
        """List the keys of an area with the time of their writing."""

    def url(self, key: str) -> str:
        """Give the public address of a public key."""


class FolderStore:
    """Keep files in a folder of this machine; the web process serves the public ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Locate a key; NotFound for one that leads out of the folder."""
        path = self.folder / key
        if "\0" in key or not path.resolve().is_relative_to(self.folder.resolve()):
            raise NotFound
        return path

    def put(self, key: str, data: bytes) -> None:
        """Write to a name beside it first, so that no reader ever meets half a file."""
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, half = tempfile.mkstemp(dir=path.parent, prefix=".half-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            Path(half).chmod(0o600)
            Path(half).replace(path)
        except BaseException:
            Path(half).unlink(missing_ok=True)
            raise

    def get(self, key: str) -> bytes:
        """Read the bytes; NotFound when there are none."""
        try:
            return self.path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise NotFound from None

    def copy(self, key: str, to: str) -> None:
        """Write the same bytes again: each key is erased alone."""
        self.put(to, self.get(key))

    def delete(self, key: str) -> None:
        """Erase the bytes; nothing happens when there are none."""
        self.path(key).unlink(missing_ok=True)

    def written(self, area: Area) -> Iterator[tuple[str, datetime]]:
        """List the keys of an area with the time of their writing."""
        for path in sorted((self.folder / area).rglob("*")):
            if path.is_file():
                yield path.relative_to(self.folder).as_posix(), datetime.fromtimestamp(path.stat().st_mtime, UTC)

    def url(self, key: str) -> str:
        """Give the address under which this server serves the file."""
        return "/media/" + key.removeprefix("public/")


class BucketStore:
    """Keep files in an S3 bucket; public ones are read from the bucket's own address or the one in `public=`.

    Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; its policy opens `public/*` to everybody.
    """

    def __init__(self, url: str) -> None:
        # Imported here: a native library of some megabytes that file storage never needs.
        from obstore.store import S3Store

        parts = urlsplit(url)
        options = {name: values[0] for name, values in parse_qs(parts.query).items()}
        bucket, region = parts.netloc, options.get("region", "us-east-1")
        endpoint = options.get("endpoint", f"https://s3.{region}.amazonaws.com").rstrip("/")
        self.address = options.get("public", f"{endpoint}/{bucket}").rstrip("/")
        self.bucket = S3Store(
            bucket,
            endpoint=endpoint,
            region=region,
            client_options={"allow_http": endpoint.startswith("http:"), "timeout": "30s", "connect_timeout": "3s"},
            retry_config={"max_retries": 2},
        )

    def put(self, key: str, data: bytes) -> None:
        """Write the object with its media type; public ones never change and may be cached for good."""
        import obstore

        kind = MEDIA_TYPES[key.rpartition(".")[2]]
        caching = "public, max-age=31536000, immutable" if key.startswith("public/") else "private, no-store"
        try:
            obstore.put(self.bucket, key, data, attributes={"Content-Type": kind, "Cache-Control": caching})
        except obstore.exceptions.BaseError as error:
            raise Unavailable from error

    def get(self, key: str) -> bytes:
        """Read the bytes; NotFound when there are none."""
        import obstore

        try:
            return bytes(obstore.get(self.bucket, key).bytes())
        except FileNotFoundError:
            raise NotFound from None
        except obstore.exceptions.BaseError as error:
            raise Unavailable from error

    def copy(self, key: str, to: str) -> None:
        """Have the bucket copy the object with what it says of itself; the bytes do not travel."""
        import obstore

        try:
            obstore.copy(self.bucket, key, to)
        except FileNotFoundError:
            raise NotFound from None
        except obstore.exceptions.BaseError as error:
            raise Unavailable from error

    def delete(self, key: str) -> None:
        """Erase the object; nothing happens when there is none."""
        import obstore

        try:
            obstore.delete(self.bucket, key)
        except FileNotFoundError:
            return
        except obstore.exceptions.BaseError as error:
            raise Unavailable from error

    def written(self, area: Area) -> Iterator[tuple[str, datetime]]:
        """List the keys of an area with the time of their writing."""
        import obstore

        try:
            for batch in obstore.list(self.bucket, f"{area}/"):
                yield from ((item["path"], item["last_modified"]) for item in batch)
        except obstore.exceptions.BaseError as error:
            raise Unavailable from error

    def url(self, key: str) -> str:
        """Give the address under which the bucket serves the object."""
        return f"{self.address}/{key}"


@cache
def open_store(media_url: str, state_dir: str) -> Store:
    """Open the store of a MEDIA_URL: `file:` (the state directory), `file:///path` or `s3://bucket?endpoint=…`."""
    parts = urlsplit(media_url)
    if parts.scheme == "s3" and parts.netloc:
        return BucketStore(media_url)
    if parts.scheme == "file":
        return FolderStore(Path(unquote(parts.path)) if parts.path else Path(state_dir) / "media")
    raise ValueError("MEDIA_URL must be file: or s3://bucket?endpoint=…")


def store() -> Store:
    """Return the store of the running application."""
    return open_store(current_app.config["MEDIA_URL"], str(current_app.config["STATE_DIR"]))


def new_key(area: Area, suffix: str) -> str:
    """Make a key nobody can guess (192 random bits); `suffix` is one of MEDIA_TYPES."""
    name = secrets.token_hex(24)
    return f"{area}/{name[:2]}/{name}.{suffix}"


def put_renditions(renditions: Mapping[str, bytes], stem: str | None = None) -> str:
    """Store the WebP renditions of one picture in public, under a stem, a new one when none is given; return it."""
    stem = stem or new_key(Area.PUBLIC, "webp").removesuffix(".webp")
    for name, data in renditions.items():
        store().put(rendition_key(stem, name), data)
    return stem


def rendition_key(stem: str, name: str) -> str:
    """Give the key of one rendition of a picture: `<stem>.<name>.webp`."""
    return f"{stem}.{name}.webp"


def put(area: Area, data: bytes, suffix: str) -> str:
    """Store bytes under a new key of the area and return the key."""
    key = new_key(area, suffix)
    store().put(key, data)
    return key


def get(key: str) -> bytes:
    """Read a stored file; NotFound when it is gone, Unavailable when the store is."""
    return store().get(key)


def copy(key: str, to: str) -> None:
    """Store the same bytes under another key; NotFound when the file is gone, Unavailable when the store is."""
    store().copy(key, to)


def delete(key: str) -> None:
    """Erase a stored file now; nothing happens when it is gone already."""
    store().delete(key)


def delete_after_commit(*keys: str) -> None:
    """Erase files once the rows that named them are gone for good."""
    for key in keys:
        after_commit(partial(delete, key))


def url(key: str) -> str:
    """Give the address of a public file; ValueError for any other, which only the API may hand out."""
    if not key.startswith(f"{Area.PUBLIC}/"):
        raise ValueError("Only a public file has an address.")
    return store().url(key)


def media_type(key: str) -> str:
    """Name the media type of a stored file by its key."""
    return MEDIA_TYPES.get(key.rpartition(".")[2], MEDIA_TYPES["bin"])


def clear_staging(before: datetime) -> int:
    """Erase staged uploads written before a moment, whose request or worker never finished; return how many."""
    stale = [key for key, written in store().written(Area.STAGING) if written < before]
    for key in stale:
        delete(key)
    return len(stale)
