"""Private files, such as proofs of payment: rewritten on the way in, handed out to uploader, parties and staff only."""

import hashlib

from sheda.core import clock, files
from sheda.core.access import get_visible
from sheda.core.actor import Actor
from sheda.core.attachments import read_attachment
from sheda.core.db import db, flush
from sheda.payments.models import File


def store_file(actor: Actor, data: bytes) -> File:
    """Keep a JPEG, PNG, WebP or PDF of at most 10 MB (TooLarge) for its uploader; InvalidInput on `file` otherwise."""
    attachment = read_attachment(data)
    stored = File(
        owner_id=actor.user_id,
        key=files.put(files.Area.PRIVATE, attachment.data, attachment.suffix),
        content_type=attachment.media_type,
        size=len(attachment.data),
        sha256=hashlib.sha256(attachment.data).hexdigest(),
        created_at=clock.now(),
    )
    db.session.add(stored)
    flush()
    return stored


def read_file(actor: Actor, file_id: int) -> tuple[File, bytes]:
    """Return a file that is there for the actor, with its bytes; NotFound for any other."""
    stored = get_visible(actor, File, file_id)
    return stored, files.get(stored.key)


def suffix_of(stored: File) -> str:
    """Return the suffix that fits the file's content, for the name it is saved under."""
    return stored.key.rpartition(".")[2]
