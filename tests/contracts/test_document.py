"""The contract's PDF."""

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pikepdf
import pytest
from pypdf import PdfReader

from sheda.contracts.document import FONTS, AmountLine, ContractFacts, contract_pdf

RENT = ContractFacts(
    reference="SHC-7Q2K9M",
    contract_type="rent",
    status="active",
    issued_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
    client_name="Ọláwálé Adébáyọ̀",
    agent_name="Ngọzi Ọkafọ",
    agency_name="Ƙofar Gida Homes",
    agent_licence="LASRERA/2024/0417",
    property_title="Newly built 3 bedroom flat with BQ in Yaba",
    property_type="shared_apartment",
    property_location="14 Herbert Macaulay Way, Yaba, Lagos",
    property_reference="SH-10042",
    start_date=date(2026, 3, 1),
    end_date=date(2027, 3, 1),
    period="year",
    periods=1,
    lines=(
        AmountLine("rent", "Rent", 1, Decimal("2500000.00"), Decimal("2500000.00")),
        AmountLine("agency", "Agency fee", 1, Decimal("250000.00"), Decimal("250000.00")),
        AmountLine("caution", "Caution fee", 1, Decimal("250000.50"), Decimal("250000.50")),
    ),
    amount=Decimal("3000000.50"),
    currency="NGN",
    payment_reference="SHP-44HX21",
    paid_on=date(2026, 2, 27),
    accepted_at=datetime(2026, 3, 1, 9, 0, tzinfo=UTC),
)
SALE = replace(
    RENT,
    contract_type="sale",
    end_date=None,
    period=None,
    periods=None,
    lines=(AmountLine("price", "Price", 1, Decimal("85000000.00"), Decimal("85000000.00")),),
    amount=Decimal("85000000.00"),
)


def text_of(facts: ContractFacts) -> str:
    reader = PdfReader(io.BytesIO(contract_pdf(facts)))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


class TestContractPdf:
    def test_a_tenancy_says_who_what_how_long_and_how_much(self) -> None:
        text = text_of(RENT)
        for words in (
            "Tenancy agreement",
            "SHC-7Q2K9M",
            "Ọláwálé Adébáyọ",
            "Ngọzi Ọkafọ, agent",
            "Ƙofar Gida Homes",
            "LASRERA/2024/0417",
            "Shared apartment",
            "14 Herbert Macaulay Way, Yaba, Lagos",
            "1 March 2026",
            "1 March 2027",
            "1 year",
            "Agency fee",
            "₦250,000",
            "₦250,000.50 is returned at the end",
            "₦3,000,000.50 received and confirmed on 1 March 2026",
            "SHP-44HX21",
            "27 February 2026",
            "page 1 of 1",
        ):
            assert words in text

    def test_a_sale_has_a_buyer_and_no_end(self) -> None:
        text = text_of(SALE)
        assert "Sale agreement" in text
        assert "Buyer" in text
        assert "₦85,000,000" in text
        assert "deed of assignment" in text
        assert not {"Tenant", "Ends", "caution"} & set(text.split())

    def test_a_payment_that_nobody_confirmed_is_said_to_be_so(self) -> None:
        text = text_of(replace(RENT, accepted_at=None, start_date=None, end_date=None, status="pending"))
        assert "not confirmed yet" in text
        assert "the day the payment is confirmed" in text
        assert "received and confirmed" not in text

    def test_equal_facts_give_equal_bytes_and_others_do_not(self) -> None:
        assert contract_pdf(RENT) == contract_pdf(replace(RENT))
        assert contract_pdf(RENT) != contract_pdf(replace(RENT, client_name="Somebody Else"))

    def test_the_creation_date_is_the_day_of_issue(self) -> None:
        assert PdfReader(io.BytesIO(contract_pdf(RENT))).metadata["/CreationDate"].startswith("D:20260301093000")

    @pytest.mark.parametrize("name", ["x" * 3000, "名字 🏠", "a\x00\x07b\u202e", "<b>&amp;</b> **bold** \\", ""])
    def test_no_text_breaks_it(self, name: str) -> None:
        facts = replace(RENT, client_name=name, property_title=name, property_location=name, agency_name=name)
        with pikepdf.open(io.BytesIO(contract_pdf(facts))) as pdf:
            assert not pdf.check_pdf_syntax()

    def test_many_lines_run_over_pages(self) -> None:
        lines = tuple(AmountLine("other", f"Fee {n}", 1, Decimal(1), Decimal(1)) for n in range(120))
        assert "Fee 119" in text_of(replace(RENT, lines=lines))

    def test_the_fonts_stay_small_and_keep_their_licence(self) -> None:
        assert all(font.stat().st_size < 200_000 for font in FONTS.glob("*.ttf"))
        assert "Bitstream" in (FONTS / "LICENSE").read_text()
