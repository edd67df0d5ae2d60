"""The contract on paper: who, what, for how long and for how much, with the receipt of the payment, as one PDF.

The same facts give the same bytes, so that a document fetched twice, or checked years later, is the same document.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from fpdf import FPDF, XPos, YPos
from fpdf.enums import TableBordersLayout, TextEmphasis
from fpdf.fonts import FontFace

from sheda.core.money import format_money

FONTS = Path(__file__).parent / "fonts"

_INK = (35, 28, 23)
_SOFT = (84, 74, 66)
_ACCENT = (160, 60, 25)
_TINT = (251, 238, 230)

SIGNATURES = 46
"""Room that the signatures need above the foot of the page, in millimetres."""


@dataclass(frozen=True)
class AmountLine:
    """One line of what was paid: the rent or price, or a fee. `unit_amount` times `quantity` is `amount`."""

    kind: str
    label: str
    quantity: int
    unit_amount: Decimal
    amount: Decimal


@dataclass(frozen=True)
class ContractFacts:
    """Everything the document says, as plain values; `contract_type` rent or sale, `period` year, month, week, night.

    `end_date` is exclusive, as everywhere, and None for a sale. Without `accepted_at` (aware) the document says that
    the payment is not confirmed yet. `issued_at` (aware) becomes the PDF's creation date.
    """

    reference: str
    contract_type: str
    status: str
    issued_at: datetime
    client_name: str
    agent_name: str
    property_title: str
    property_type: str
    property_location: str
    property_reference: str
    start_date: date | None
    end_date: date | None
    lines: tuple[AmountLine, ...]
    amount: Decimal
    currency: str
    payment_reference: str
    period: str | None = None
    periods: int | None = None
    agency_name: str = ""
    agent_licence: str = ""
    paid_on: date | None = None
    accepted_at: datetime | None = None


def contract_pdf(facts: ContractFacts) -> bytes:
    """Write the contract and the receipt of its payment as a PDF; equal facts give equal bytes."""
    page = _Document(facts)
    page.title_block()
    page.facts("Parties", _parties(facts))
    page.facts("Property", _property(facts))
    page.facts("Term" if facts.contract_type == "rent" else "Sale", _term(facts))
    page.amounts()
    page.facts("Payment", _payment(facts))
    page.terms(_terms(facts))
    page.signatures()
    return bytes(page.output())


def _parties(facts: ContractFacts) -> list[tuple[str, str]]:
    letting = facts.contract_type == "rent"
    agency = [("Agency", facts.agency_name)] if facts.agency_name else []
    licence = [("Licence", facts.agent_licence)] if facts.agent_licence else []
    return [
        ("Tenant" if letting else "Buyer", facts.client_name),
        ("For the landlord" if letting else "For the seller", f"{facts.agent_name}, agent"),
        *agency,
        *licence,
    ]


def _property(facts: ContractFacts) -> list[tuple[str, str]]:
    return [
        ("Listing", f"{facts.property_title} ({facts.property_reference})"),
        ("Kind", facts.property_type.replace("_", " ").capitalize()),
        ("Location", facts.property_location),
    ]


def _term(facts: ContractFacts) -> list[tuple[str, str]]:
    start = _day(facts.start_date) if facts.start_date else "the day the payment is confirmed"
    if facts.contract_type != "rent":
        return [("Sold on", start)]
    rows = [("Begins", start)]
    if facts.end_date:
        rows.append(("Ends", f"{_day(facts.end_date)} (the property is given back by the start of this day)"))
    if facts.periods and facts.period:
        rows.append(("Length", f"{facts.periods} {facts.period}{'s' if facts.periods != 1 else ''}"))
    return rows


def _payment(facts: ContractFacts) -> list[tuple[str, str]]:
    receipt = "Declared by the payer, not confirmed yet. This document takes effect when it is."
    if facts.accepted_at:
        amount, day = format_money(facts.amount, facts.currency), _day(facts.accepted_at.date())
        receipt = f"{amount} received and confirmed on {day}."
    paid = [("Paid on", _day(facts.paid_on))] if facts.paid_on else []
    return [("Reference", facts.payment_reference), *paid, ("Receipt", receipt)]


SALE_TERMS = """\
The price above is the whole price of the property named here, with the fees listed.
Title passes by a deed of assignment, with the Governor's consent where the Land Use Act (section 22) asks for it.
This document records the agreement and the payment; it does not replace the deed."""

TENANCY_TERMS = """\
The rent is paid in advance for the whole term named above; the tenant holds the property for that term.
Either party may end the tenancy with notice: a week for a weekly tenancy, a month for a monthly one, three months for \
one of up to six months, and six months for a yearly one.
The tenant keeps the property in repair, uses it as agreed and does not sublet without consent; the landlord leaves \
the tenant in quiet possession.
A renewal is agreed in Sheda before the end date and has its own contract and payment."""
"""Notice as in the Tenancy Law of Lagos State, 2011, section 13."""


def _terms(facts: ContractFacts) -> list[str]:
    if facts.contract_type != "rent":
        return SALE_TERMS.splitlines()
    terms = TENANCY_TERMS.splitlines()
    caution = sum((line.amount for line in facts.lines if line.kind == "caution"), Decimal(0))
    if caution:
        fee = format_money(caution, facts.currency)
        terms.insert(1, f"The caution fee of {fee} is returned at the end, less the cost of damage beyond fair wear.")
    return terms


def _day(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"


class _Document(FPDF):
    """Set the facts on A4 pages in one column."""

    def __init__(self, facts: ContractFacts) -> None:
        super().__init__(format="A4")
        self.contract = facts
        self.set_creation_date(facts.issued_at)
        self.set_title(f"Contract {facts.reference}")
        self.set_creator("Sheda")
        self.set_producer("Sheda")
        self.set_lang("en-NG")
        self.add_font("Sheda", "", FONTS / "DejaVuSans.ttf")
        self.add_font("Sheda", "B", FONTS / "DejaVuSans-Bold.ttf")
        self.set_margins(20, 18)
        self.set_auto_page_break(auto=True, margin=22)
        self.add_page()

    def normalize_text(self, text: str) -> str:
        """Compose accents, for which the font has whole letters, and drop what cannot be set."""
        composed = unicodedata.normalize("NFC", text)
        return super().normalize_text("".join(c for c in composed if c == "\n" or unicodedata.category(c) != "Cc"))

    def footer(self) -> None:
        """Set the reference and the number of the page at its foot."""
        self.set_y(-15)
        self._pen(7.5, _SOFT)
        self.cell(0, 5, f"Contract {self.contract.reference} · page {self.page_no()} of {{nb}}", align="C")

    def title_block(self) -> None:
        """Name the document, its reference and its state."""
        letting = self.contract.contract_type == "rent"
        self._pen(9, _ACCENT, bold=True)
        self._line("SHEDA")
        self._pen(19, _INK, bold=True)
        self._line("Tenancy agreement" if letting else "Sale agreement", 10)
        self._pen(9, _SOFT)
        issued = _day(self.contract.issued_at.date())
        self._line(f"Contract {self.contract.reference} · {self.contract.status} · issued {issued}")

    def facts(self, heading: str, rows: Iterable[tuple[str, str]]) -> None:
        """Set a heading and rows of label and value."""
        self._heading(heading)
        for label, value in rows:
            self._pen(9, _SOFT)
            self.cell(38, 5.6, label)
            self._pen(9.5, _INK)
            self.multi_cell(0, 5.6, value, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def amounts(self) -> None:
        """Set the lines of the payment and their sum."""
        facts = self.contract
        self._heading("Amounts")
        self._pen(9, _INK)
        self.set_draw_color(*_SOFT)
        head = FontFace(emphasis=TextEmphasis.B, color=_ACCENT, fill_color=_TINT)
        with self.table(
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            col_widths=(46, 10, 22, 22),
            text_align=("LEFT", "RIGHT", "RIGHT", "RIGHT"),
            headings_style=head,
            line_height=6.4,
        ) as table:
            table.row(("What", "Number", "Each", "Amount"))
            for line in facts.lines:
                each, whole = format_money(line.unit_amount, facts.currency), format_money(line.amount, facts.currency)
                table.row((line.label, str(line.quantity), each, whole))
            table.row(("Total", "", "", format_money(facts.amount, facts.currency)), style=head)

    def terms(self, sentences: Iterable[str]) -> None:
        """Set the numbered terms."""
        self._heading("Terms")
        for number, sentence in enumerate(sentences, start=1):
            self._pen(9, _SOFT)
            self.cell(8, 5.2, f"{number}.")
            self._pen(9, _INK)
            self.multi_cell(0, 5.2, sentence, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def signatures(self) -> None:
        """Leave two lines to sign on, kept together on one page."""
        if self.get_y() > self.h - SIGNATURES:
            self.add_page()
        self.ln(16)
        left, width, top = self.l_margin, 76, self.get_y()
        names = (self.contract.client_name, f"{self.contract.agent_name}, agent")
        for place, name in zip((left, self.w - self.r_margin - width), names, strict=True):
            self.line(place, top, place + width, top)
            self.set_xy(place, top + 1.5)
            self._pen(8, _SOFT)
            self.multi_cell(width, 4.4, name, align="L", new_x=XPos.LEFT, new_y=YPos.NEXT)

    def _heading(self, text: str) -> None:
        self.ln(3.5)
        self._pen(10.5, _ACCENT, bold=True)
        self._line(text, 7)

    def _line(self, text: str, height: float = 5.6) -> None:
        self.multi_cell(0, height, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _pen(self, size: float, colour: tuple[int, int, int], *, bold: bool = False) -> None:
        self.set_font("Sheda", "B" if bold else "", size)
        self.set_text_color(*colour)
