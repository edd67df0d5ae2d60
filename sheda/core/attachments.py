"""Attachments that people send each other: pictures and PDF documents, written anew so that only content remains."""

import io
from dataclasses import dataclass
from typing import Any

import pikepdf
from pikepdf.settings import set_qpdf_limits

from sheda.core.errors import InvalidInput, TooLarge
from sheda.core.files import MEDIA_TYPES
from sheda.core.images import re_encode

MAX_BYTES = 10 * 1024 * 1024
MAX_OBJECTS = 50_000

# A few compressed bytes can unfold to gigabytes; process-wide, so set once at import.
set_qpdf_limits(
    doc_max_warnings=100,
    parser_max_nesting=100,
    parser_max_container_size=200_000,
    max_stream_filters=3,
    flate_max_memory=64 * 2**20,
    png_max_memory=64 * 2**20,
    run_length_max_memory=64 * 2**20,
    tiff_max_memory=64 * 2**20,
)

# By these a PDF runs something, sends something or carries another file (ISO 32000-2, 7.11 and 12.6).
_ACTIVE_KEYS = ("/JS", "/EmbeddedFiles", "/EF", "/XFA", "/RichMediaContent", "/RichMediaSettings")
_ACTIVE_ACTIONS = {
    "/JavaScript",
    "/Launch",
    "/ImportData",
    "/SubmitForm",
    "/GoToE",
    "/Rendition",
    "/Movie",
    "/Sound",
    "/RichMediaExecute",
}


@dataclass(frozen=True)
class Attachment:
    """A file as it is stored: rewritten bytes, and the suffix that gives its media type."""

    data: bytes
    suffix: str

    @property
    def media_type(self) -> str:
        """Name the media type for an answer's Content-Type."""
        return MEDIA_TYPES[self.suffix]


def read_attachment(data: bytes, *, field: str = "file") -> Attachment:
    """Accept a JPEG, PNG, WebP or PDF by its content and rewrite it, upright and without metadata.

    At most 10 MB (TooLarge). InvalidInput on `field` for anything else, for damaged files, and for a PDF that is
    encrypted or carries scripts, other files or forms that send.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge("A file may have at most 10 MB.")
    # Readers accept a PDF whose header stands within the first 1024 bytes; we want it where it belongs.
    if data.lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"%PDF-"):
        return Attachment(_rewrite_pdf(data, field), "pdf")
    if not _is_picture(data):
        raise InvalidInput.on(field, "The file must be a JPEG, PNG or WebP picture or a PDF document.")
    return Attachment(*re_encode(data, field=field, max_bytes=MAX_BYTES))


def _is_picture(data: bytes) -> bool:
    return data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def _rewrite_pdf(data: bytes, field: str) -> bytes:
    try:
        with pikepdf.open(io.BytesIO(data)) as pdf:
            if pdf.is_encrypted:
                raise InvalidInput.on(field, "The PDF is encrypted. Save it without a password and send it again.")
            if len(pdf.pages) == 0:
                raise InvalidInput.on(field, "The PDF has no pages.")
            _refuse_active(pdf, field)
            del pdf.docinfo
            for name in ("/Metadata", "/PieceInfo", "/OpenAction", "/AA"):
                if name in pdf.Root:
                    del pdf.Root[name]
            pdf.remove_unreferenced_resources()
            written = io.BytesIO()
            pdf.save(written, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
            return written.getvalue()
    except pikepdf.PasswordError:
        raise InvalidInput.on(field, "The PDF is encrypted. Save it without a password and send it again.") from None
    except (pikepdf.PdfError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, RecursionError):
        raise InvalidInput.on(field, "The PDF is damaged or incomplete.") from None


def _refuse_active(pdf: pikepdf.Pdf, field: str) -> None:
    objects = pdf.objects
    if len(objects) > MAX_OBJECTS:
        raise InvalidInput.on(field, "The PDF is too complex. Print it to a new one.")
    for item in objects:
        _inspect(item, field)


def _inspect(item: Any, field: str) -> None:
    # Indirect objects are all in pdf.objects; only what stands inside one directly is followed here.
    waiting = [item]
    while waiting:
        value = waiting.pop()
        if isinstance(value, pikepdf.Array):
            waiting.extend(child for child in value if _is_direct_container(child))
        elif isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
            if any(key in value for key in _ACTIVE_KEYS) or str(value.get("/S", "")) in _ACTIVE_ACTIONS:
                raise InvalidInput.on(field, "The PDF carries scripts, forms or other files. Print it to a new one.")
            waiting.extend(child for _, child in value.items() if _is_direct_container(child))


def _is_direct_container(value: Any) -> bool:
    return isinstance(value, pikepdf.Array | pikepdf.Dictionary) and not value.is_indirect
