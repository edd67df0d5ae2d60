"""Files of conversations: rewritten on the way in, and handed only to the two who talk."""

import re
import unicodedata
from datetime import timedelta
from urllib.parse import quote

from flask import Response
from sqlalchemy import delete, func, select

from sheda.chat.models import Attachment
from sheda.core import clock, files, images
from sheda.core.actor import Actor
from sheda.core.attachments import MAX_BYTES, read_attachment
from sheda.core.db import advisory_lock, db, flush
from sheda.core.errors import Conflict, InvalidInput, NotFound
from sheda.core.fields import CONTROL, UNSTORABLE

MOST_FILES = 5
"""Files of one message."""

MOST_UNSENT = 20
"""Files that somebody may have uploaded and not sent yet."""

UNSENT_LIVES = timedelta(days=1)
LONGEST_NAME = 100
THUMB_EDGE = 480

_PLAIN_NAMES = {"pdf": "document", "jpg": "photo", "png": "picture", "webp": "picture"}


class TooManyUnsent(Conflict):
    """Refuse a file while many wait to be sent."""

    code = "too_many_unsent_files"
    detail = f"{MOST_UNSENT} of your files are uploaded and not sent. Send them first, or wait a day."


def store(actor: Actor, data: bytes, name: str, *, field: str = "file") -> Attachment:
    """Keep a JPEG, PNG, WebP or PDF of at most 10 MB (TooLarge) for its uploader, until he sends it.

    Raises InvalidInput on `field` for anything else, and TooManyUnsent.
    """
    _check_room(actor)
    kept = read_attachment(data, field=field)
    width = height = thumb = None
    if kept.suffix != "pdf":
        picture = images.check_picture(kept.data, field=field)
        width, height = picture.width, picture.height
        small = images.render(kept.data, {"thumb": THUMB_EDGE}, field=field)["thumb"]
        thumb = files.put(files.Area.PRIVATE, small, "webp")
    stored = Attachment(
        owner_id=actor.user_id,
        name=clean_name(name, kept.suffix),
        key=files.put(files.Area.PRIVATE, kept.data, kept.suffix),
        thumb_key=thumb,
        content_type=kept.media_type,
        size=len(kept.data),
        width=width,
        height=height,
        created_at=clock.now(),
    )
    db.session.add(stored)
    flush()
    return stored


def _check_room(actor: Actor) -> None:
    advisory_lock(("chat_files", actor.user_id))
    unsent = select(func.count()).where(Attachment.owner_id == actor.user_id, Attachment.message_id.is_(None))
    if (db.session.scalar(unsent) or 0) >= MOST_UNSENT:
        raise TooManyUnsent


def clean_name(name: str, suffix: str) -> str:
    """Return the last part of a file's name as text of one line, with the suffix of what the file is."""
    plain = CONTROL.sub("", UNSTORABLE.sub("", unicodedata.normalize("NFC", name))).replace("\\", "/")
    # Marks that turn the direction of reading make one suffix look like another.
    plain = "".join(sign for sign in plain.rpartition("/")[2] if unicodedata.category(sign) != "Cf")
    stem = re.sub(r"\.(jpe?g|png|webp|pdf)$", "", plain.strip(), flags=re.IGNORECASE).strip(" .")
    return f"{stem[:LONGEST_NAME] or _PLAIN_NAMES[suffix]}.{suffix}"


def bytes_of(stored: Attachment, *, thumb: bool = False) -> tuple[bytes, str]:
    """Return a file's bytes and media type, or those of its small picture; NotFound when it has none."""
    key = stored.thumb_key if thumb else stored.key
    if key is None:
        raise NotFound
    return files.get(key), files.media_type(key)


def answer(stored: Attachment, *, thumb: bool = False) -> Response:
    """Answer a private file, to be looked at in a window of its own."""
    data, kind = bytes_of(stored, thumb=thumb)
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(stored.name)}",
    }
    return Response(data, content_type=kind, headers=headers)


def check_number(ids: list[int]) -> None:
    """Refuse more files than a message takes, and the same one twice; InvalidInput on `attachment_ids`."""
    if len(ids) > MOST_FILES:
        raise InvalidInput.on("attachment_ids", f"A message takes at most {MOST_FILES} files.")
    if len(set(ids)) < len(ids):
        raise InvalidInput.on("attachment_ids", "Name each file once.")


def forget_unsent(before: timedelta = UNSENT_LIVES, *, owner_id: int | None = None) -> int:
    """Erase files that nobody sent in time, or somebody's that he has not sent; return how many."""
    old = delete(Attachment).where(Attachment.message_id.is_(None), Attachment.created_at <= clock.now() - before)
    if owner_id is not None:
        old = old.where(Attachment.owner_id == owner_id)
    gone = db.session.execute(
        old.returning(Attachment.key, Attachment.thumb_key), execution_options={"synchronize_session": False}
    ).all()
    files.delete_after_commit(*(key for keys in gone for key in keys if key))
    return len(gone)


__all__ = ["MAX_BYTES", "MOST_FILES", "answer", "bytes_of", "check_number", "clean_name", "forget_unsent", "store"]
