"""The pictures of a listing: accepted and staged at once, rendered by a worker, in order, with exactly one cover."""

from collections.abc import Mapping, Sequence
from typing import IO, Any, Protocol

from flask import current_app
from sqlalchemy import select

from sheda.core import clock, files
from sheda.core.access import get_visible
from sheda.core.actor import Actor
from sheda.core.db import db, flush
from sheda.core.errors import Conflict, InvalidInput, NotFound, Refusal, TooLarge
from sheda.core.events import emit
from sheda.core.images import SIZES, Picture, check_picture, render
from sheda.properties.events import ImagesAccepted
from sheda.properties.models import Property, PropertyImage
from sheda.properties.services import lock_own


class TooManyImages(Conflict):
    """Refuse pictures beyond what one listing may have."""

    code = "too_many_images"

    def __init__(self, most: int) -> None:
        super().__init__(f"A listing has at most {most} pictures. Remove some first.")


class Upload(Protocol):
    """A file as it came: its name, and its bytes to read."""

    filename: str | None
    stream: IO[bytes]


def add(actor: Actor, property_id: int, uploads: Sequence[Upload]) -> list[PropertyImage]:
    """Accept pictures for a listing, at its end and in their order; the first of all becomes the cover.

    One bad file refuses them all: InvalidInput says which and why, TooLarge when one is above 12 MB. TooManyImages
    above 20 a listing.
    """
    most = current_app.config["MOST_IMAGES"]
    get_visible(actor, Property, property_id)
    if len(uploads) > most:
        raise InvalidInput.on("files", f"Send at most {most} pictures at once.")
    checked = _checked(uploads)
    subject = lock_own(actor, property_id)
    present = images_of(subject.id)
    if len(present) + len(checked) > most:
        raise TooManyImages(most)
    rows = [
        PropertyImage(
            property_id=subject.id,
            position=len(present) + place,
            is_cover=not present and place == 0,
            width=picture.width,
            height=picture.height,
            status="processing",
            key=files.new_key(files.Area.PUBLIC, "webp").removesuffix(".webp"),
            staging_key=files.put(files.Area.STAGING, data, "bin"),
            created_at=clock.now(),
        )
        for place, (data, picture) in enumerate(checked)
    ]
    db.session.add_all(rows)
    subject.updated_at = clock.now()
    flush()
    emit(ImagesAccepted(subject))
    return rows


def change(actor: Actor, property_id: int, image_id: int, **changes: Any) -> PropertyImage:
    """Change a picture's `caption`, its `position` (from 0; beyond the end is the end) or whether it is `primary`.

    InvalidInput when the cover should be none: another becomes the cover instead.
    """
    subject = lock_own(actor, property_id)
    present = images_of(subject.id)
    image = _among(present, image_id)
    if changes.get("primary") is False and image.is_cover:
        raise InvalidInput.on("primary", "A listing has a cover. Make another picture the cover instead.")
    if "caption" in changes:
        image.caption = changes["caption"] or None
    if changes.get("primary"):
        _make_cover(present, image)
    if "position" in changes:
        present.remove(image)
        present.insert(changes["position"], image)
        _number(present)
    subject.updated_at = clock.now()
    flush()
    return image


def describe(actor: Actor, property_id: int, captions: Mapping[int, str | None]) -> None:
    """Write the captions of a listing's pictures, by their ids; those of pictures that are gone are dropped."""
    subject = lock_own(actor, property_id)
    for image in images_of(subject.id):
        if image.id in captions:
            image.caption = captions[image.id] or None
    subject.updated_at = clock.now()
    flush()


def remove(actor: Actor, property_id: int, image_id: int) -> None:
    """Remove a picture and its files; the cover passes to the first of those that stay."""
    subject = lock_own(actor, property_id)
    # Waits for a worker that renders it, which would write files again behind its removal.
    present = images_of(subject.id, locked=True)
    image = _among(present, image_id)
    present.remove(image)
    files.delete_after_commit(*(files.rendition_key(image.key, name) for name in SIZES))
    if image.staging_key:
        files.delete_after_commit(image.staging_key)
    db.session.delete(image)
    flush()
    _number(present)
    if image.is_cover and present:
        _make_cover(present, present[0])
    subject.updated_at = clock.now()
    flush()


def copy(source: Property, subject: Property) -> list[PropertyImage]:
    """Give a new listing pictures of its own like another's; those that could not be rendered stay behind."""
    rows: list[PropertyImage] = []
    for image in images_of(source.id):
        if image.status == "failed":
            continue
        key = files.new_key(files.Area.PUBLIC, "webp").removesuffix(".webp")
        if image.staging_key is None:
            for name in SIZES:
                files.copy(files.rendition_key(image.key, name), files.rendition_key(key, name))
        rows.append(
            PropertyImage(
                property_id=subject.id,
                position=len(rows),
                is_cover=image.is_cover,
                caption=image.caption,
                width=image.width,
                height=image.height,
                status=image.status,
                key=key,
                staging_key=image.staging_key and files.put(files.Area.STAGING, files.get(image.staging_key), "bin"),
                created_at=clock.now(),
            )
        )
    if rows and not any(row.is_cover for row in rows):
        rows[0].is_cover = True
    db.session.add_all(rows)
    flush()
    if any(row.status == "processing" for row in rows):
        emit(ImagesAccepted(subject))
    return rows


def images_of(property_id: int, *, locked: bool = False) -> list[PropertyImage]:
    """Return a listing's pictures in their order."""
    statement = select(PropertyImage).where(PropertyImage.property_id == property_id)
    statement = statement.order_by(PropertyImage.position, PropertyImage.id)
    if locked:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return list(db.session.scalars(statement))


def render_next(after: int) -> tuple[int, bool] | None:
    """Render the next waiting picture above an id that no other worker has; None when there is none.

    Returns its id and whether it could be rendered. Raises Unavailable when the store is away: it waits for later.
    """
    image = db.session.scalars(
        select(PropertyImage)
        .where(PropertyImage.status == "processing", PropertyImage.id > after)
        .order_by(PropertyImage.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if image is None:
        return None
    try:
        files.put_renditions(render(files.get(image.staging_key or "")), image.key)
        image.status = "ready"
    except (InvalidInput, NotFound):
        image.status = "failed"
    if image.staging_key:
        files.delete_after_commit(image.staging_key)
    image.staging_key = None
    return image.id, image.status == "ready"


def _checked(uploads: Sequence[Upload]) -> list[tuple[bytes, Picture]]:
    accepted, faults = [], []
    for place, upload in enumerate(uploads):
        upload.stream.seek(0)
        data, name = upload.stream.read(), upload.filename or f"File {place + 1}"
        try:
            accepted.append((data, check_picture(data, max_bytes=current_app.config["IMAGE_BYTES"])))
        except TooLarge as refusal:
            raise TooLarge(f"{name}: {refusal.detail}") from refusal
        except Refusal as refusal:
            faults.append({"field": f"files.{place}", "message": f"{name}: {refusal.detail}"})
    if faults:
        raise InvalidInput(errors=faults)
    return accepted


def _among(present: Sequence[PropertyImage], image_id: int) -> PropertyImage:
    found = next((one for one in present if one.id == image_id), None)
    if found is None:
        raise NotFound
    return found


def _make_cover(present: Sequence[PropertyImage], cover: PropertyImage) -> None:
    for one in present:
        one.is_cover = False
    # The index allows one cover at a time, also for the length of a statement.
    flush()
    cover.is_cover = True


def _number(present: Sequence[PropertyImage]) -> None:
    for position, one in enumerate(present):
        one.position = position
