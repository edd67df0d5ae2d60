"""The present view of a list as a file: CSV or XLSX, written row by row, safe to open in a spreadsheet."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from markupsafe import Markup

from sheda.core import clock, widgets
from sheda.core.asking import Asked

BATCH = 500
CHUNK = 1 << 16
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""What spreadsheets take for the beginning of a formula or a command, in text that somebody typed."""

UNWRITABLE = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]")
"""What XML has no way to write (XML 1.0, 2.2), and the carriage return, which it would read as a new line."""

LONGEST_CELL = 32_767
EPOCH = date(1899, 12, 30)
"""The day 0 of spreadsheets."""

Table = Iterator[Sequence[Any]]


def table_of(asked: Asked) -> Table:
    """Yield the heads and then every row of a list as plain values, a batch of rows at a time in memory."""
    view = asked.view
    has_currency = "currency" in view.datamodel.list_columns and "currency" not in asked.columns
    labels = [view.label_columns.get(name, name) for name in asked.columns]
    yield [view.nouns[0].capitalize(), *labels[1:], *(["Currency"] if has_currency else [])]
    for rows in asked.batches(BATCH):
        beside = view.prefetch(rows)
        for row in rows:
            cells = [_value(view, row, name) for name in asked.columns]
            yield [*cells, row.currency] if has_currency else cells
        del beside


def _value(view: Any, row: Any, name: str) -> Any:
    """Return a cell's value: numbers, days and moments as themselves, everything else in the words of the page."""
    if name in view.datamodel.list_columns and name not in view.choices:
        value = getattr(row, name)
        if isinstance(value, Decimal | date) or (isinstance(value, int) and not isinstance(value, bool)):
            return value
    shown = view.cell(row, name)
    if shown == widgets.NOTHING:
        return ""
    return shown.striptags() if isinstance(shown, Markup) else str(shown)


def safe_text(text: str) -> str:
    """Return text that no spreadsheet runs: what looks like a formula gets an apostrophe (OWASP, CSV Injection)."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _local(value: datetime) -> datetime:
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(clock.here())


def write_csv(table: Table) -> Iterator[bytes]:
    """Write CSV with a byte order mark, so that a naira sign survives Excel."""
    kept = io.StringIO()
    writer = csv.writer(kept, lineterminator="\r\n")
    kept.write("\ufeff")
    for row in table:
        writer.writerow([_csv_cell(value) for value in row])
        if kept.tell() > CHUNK:
            yield kept.getvalue().encode()
            kept.seek(0)
            kept.truncate()
    yield kept.getvalue().encode()


def _csv_cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{_local(value):%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, int | Decimal) else safe_text(str(value))


class _Pipe(io.RawIOBase):
    """A file that is written once from its beginning to its end, and emptied meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self._kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._kept += data
        return len(data)

    def take(self) -> bytes:
        """Return what has been written since the last time."""
        taken, self._kept = bytes(self._kept), bytearray()
        return taken


PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{KIND}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{KIND}.styles+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{KIND}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
    f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
    '<sheet name="Sheda" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
    f'Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" '
    f'Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><numFmts count="2">'
    '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm"/></numFmts>'
    "<fonts><font/><font><b/></font></fonts><fills><fill/></fills><borders><border/></borders>"
    '<cellStyleXfs><xf/></cellStyleXfs><cellXfs><xf/><xf fontId="1" applyFont="1"/>'
    '<xf numFmtId="4" applyNumberFormat="1"/><xf numFmtId="164" applyNumberFormat="1"/>'
    '<xf numFmtId="165" applyNumberFormat="1"/></cellXfs></styleSheet>',
}
"""The parts of a workbook that are the same in every file: one sheet, and five looks of a cell."""

BOLD, AMOUNT, DAY, MOMENT = 1, 2, 3, 4


def write_xlsx(table: Table) -> Iterator[bytes]:
    """Write a workbook of one sheet; every text is a text in it, so that nothing of it can be a formula."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in PARTS.items():
            package.writestr(name, HEAD + content)
        with package.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f'{HEAD}<worksheet xmlns="{MAIN}"><sheetData>'.encode())
            for number, row in enumerate(table):
                sheet.write(_xlsx_row(row, BOLD if number == 0 else 0))
                if number % BATCH == 0:
                    yield pipe.take()
            sheet.write(b"</sheetData></worksheet>")
    yield pipe.take()


def _xlsx_row(row: Iterable[Any], look: int) -> bytes:
    return f"<row>{''.join(_xlsx_cell(value, look) for value in row)}</row>".encode()


def _xlsx_cell(value: Any, look: int) -> str:
    if isinstance(value, datetime):
        local = _local(value)
        part = (local.hour * 3600 + local.minute * 60 + local.second) / 86_400
        return f'<c s="{MOMENT}"><v>{(local.date() - EPOCH).days + part:.6f}</v></c>'
    if isinstance(value, date):
        return f'<c s="{DAY}"><v>{(value - EPOCH).days}</v></c>'
    if isinstance(value, Decimal):
        return f'<c s="{AMOUNT}"><v>{value}</v></c>'
    if isinstance(value, int):
        return f"<c><v>{value}</v></c>"
    text = UNWRITABLE.sub(" ", str(value)[:LONGEST_CELL])
    return f'<c t="inlineStr" s="{look}"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


WRITERS = {"csv": write_csv, "xlsx": write_xlsx}
