"""Attachments: pictures and PDF documents that people send each other."""

import io
import resource
import zlib
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String
from PIL import Image

from sheda.core import attachments
from sheda.core.attachments import read_attachment
from sheda.core.errors import InvalidInput, TooLarge


def document(**root: Any) -> pikepdf.Pdf:
    """Make a PDF of one page with entries in its catalogue."""
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(200, 200))
    for key, value in root.items():
        pdf.Root[f"/{key}"] = value
    return pdf


def saved(pdf: pikepdf.Pdf, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pdf.save(buffer, **options)
    return buffer.getvalue()


def photo(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), "teal").save(buffer, kind)
    return buffer.getvalue()


class TestReadAttachment:
    @pytest.mark.parametrize(
        ("kind", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
    )
    def test_a_picture_keeps_its_kind(self, kind: str, media_type: str) -> None:
        attachment = read_attachment(photo(kind))
        assert attachment.media_type == media_type
        assert Image.open(io.BytesIO(attachment.data)).size == (60, 40)

    @pytest.mark.parametrize(
        "data", [b"", b"MZ\x90", b"<html>", b"<svg/>", b"PK\x03\x04", b"GIF89a", b"\x00\xff\xd8\xff"]
    )
    def test_anything_else_is_refused(self, data: bytes) -> None:
        with pytest.raises(InvalidInput, match="PDF document") as refusal:
            read_attachment(data)
        assert refusal.value.errors[0]["field"] == "file"

    def test_too_many_bytes_are_too_large(self) -> None:
        with pytest.raises(TooLarge, match="10 MB"):
            read_attachment(b"%PDF-1.7" + bytes(attachments.MAX_BYTES))

    def test_a_pdf_is_written_anew_without_its_metadata(self) -> None:
        pdf = document()
        pdf.docinfo["/Author"] = "SecretAuthor"
        with pdf.open_metadata() as metadata:
            metadata["dc:title"] = "SecretTitle"
        attachment = read_attachment(saved(pdf, object_stream_mode=pikepdf.ObjectStreamMode.disable) + b"\nhidden tail")
        assert attachment.media_type == "application/pdf"
        assert b"Secret" not in attachment.data
        assert b"hidden tail" not in attachment.data
        with pikepdf.open(io.BytesIO(attachment.data)) as again:
            assert len(again.pages) == 1
            assert "/Metadata" not in again.Root

    def test_what_no_page_uses_is_left_behind(self) -> None:
        data = saved(document()).replace(b"startxref", b"99 0 obj\n(orphan)\nendobj\nstartxref", 1)
        assert b"orphan" not in read_attachment(data).data

    @pytest.mark.parametrize(
        "root",
        [
            {"OpenAction": Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))},
            {"OpenAction": Dictionary(S=Name.Launch, F=String("cmd.exe"))},
            {"AA": Dictionary(WC=Dictionary(S=Name.JavaScript, JS=String("1")))},
            {
                "Names": Dictionary(
                    JavaScript=Dictionary(Names=Array([String("a"), Dictionary(S=Name.JavaScript, JS=String("1"))]))
                )
            },
            {"Names": Dictionary(EmbeddedFiles=Dictionary(Names=Array([])))},
            {"AcroForm": Dictionary(Fields=Array([]), XFA=Array([]))},
            {"Outlines": Dictionary(First=Dictionary(A=Dictionary(S=Name.SubmitForm)))},
        ],
    )
    def test_an_active_pdf_is_refused(self, root: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput, match="scripts, forms or other files"):
            read_attachment(saved(document(**root)))

    def test_an_active_annotation_is_refused(self) -> None:
        pdf = document()
        link = Dictionary(
            Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9]), A=Dictionary(S=Name.Launch, F=String("x"))
        )
        pdf.pages[0].Annots = Array([pdf.make_indirect(link)])
        with pytest.raises(InvalidInput, match="scripts"):
            read_attachment(saved(pdf))

    def test_a_name_spelt_in_escapes_is_still_found(self) -> None:
        pdf = document(OpenAction=Dictionary(S=Name.JavaScript, JS=String("1")))
        data = saved(pdf, object_stream_mode=pikepdf.ObjectStreamMode.disable).replace(b"/JavaScript", b"/J#61vaScript")
        with pytest.raises(InvalidInput, match="scripts"):
            read_attachment(data)

    def test_an_attached_file_is_refused(self) -> None:
        pdf = document()
        pdf.attachments["virus.exe"] = b"MZ"
        with pytest.raises(InvalidInput, match="scripts"):
            read_attachment(saved(pdf))

    @pytest.mark.parametrize("password", ["", "secret"])
    def test_an_encrypted_pdf_is_refused(self, password: str) -> None:
        data = saved(document(), encryption=pikepdf.Encryption(owner="o", user=password))
        with pytest.raises(InvalidInput, match="encrypted"):
            read_attachment(data)

    def test_a_pdf_without_pages_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match=r"no pages|damaged"):
            read_attachment(saved(pikepdf.new()))

    @pytest.mark.parametrize(
        "data", [b"%PDF-1.7", b"%PDF-1.7\n1 0 obj\n<<", b"%PDF-" + b"[" * 100_000, b"%PDF-1.4\n" + bytes(5000)]
    )
    def test_a_damaged_pdf_is_refused(self, data: bytes) -> None:
        with pytest.raises(InvalidInput, match=r"damaged|pages"):
            read_attachment(data)

    def test_hurt_bytes_are_refused_or_read_but_never_a_fault(self) -> None:
        pdf = document(Outlines=Dictionary(Title=String("x")))
        pdf.docinfo["/Author"] = "A"
        data = saved(pdf, object_stream_mode=pikepdf.ObjectStreamMode.disable)
        for place in range(len(data)):
            hurt = data[:place] + bytes([data[place] ^ 0x15]) + data[place + 1 :]
            try:
                read_attachment(hurt)
            except InvalidInput:
                continue

    def test_a_bomb_of_compressed_objects_does_not_unfold(self) -> None:
        outer, inner = zlib.compressobj(9), zlib.compressobj(9)
        packed = outer.compress(inner.compress(b"1 0 null"))
        for _ in range(500):
            packed += outer.compress(inner.compress(b" " * 2**20))
        packed += outer.compress(inner.flush()) + outer.flush()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        read_attachment(_with_object_stream(packed))
        assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 200, "megabytes"


def _with_object_stream(packed: bytes) -> bytes:
    """Build a PDF whose catalogue points into a doubly compressed object stream."""
    bodies = [
        b"<</Type/ObjStm/N 1/First 4/Filter[/FlateDecode/FlateDecode]/Length %d>>stream\n%b\nendstream"
        % (len(packed), packed),
        b"<</Type/Catalog/Pages 4 0 R/Lang 1 0 R>>",
        b"<</Type/Pages/Kids[5 0 R]/Count 1>>",
        b"<</Type/Page/Parent 4 0 R/MediaBox[0 0 9 9]>>",
    ]
    data, rows = b"%PDF-1.5\n", [(0, 0, 65535), (2, 2, 0)]
    for number, body in enumerate(bodies, start=2):
        rows.append((1, len(data), 0))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    rows.append((1, len(data), 0))
    table = b"".join(kind.to_bytes(1) + place.to_bytes(4) + last.to_bytes(2) for kind, place, last in rows)
    head = b"<</Type/XRef/Size 7/W[1 4 2]/Root 3 0 R/Length %d>>" % len(table)
    return data + b"6 0 obj\n%b\nstream\n%b\nendstream\nendobj\nstartxref\n%d\n%%%%EOF" % (head, table, len(data))
