"""Banks and account numbers."""

import pytest

from sheda.core.banks import BANKS, bank_name, check_account_number, mask, nuban_check_digit


class TestBanks:
    def test_every_code_has_three_digits_and_every_name_is_its_own(self) -> None:
        assert all(len(code) == 3 and code.isdigit() for code in BANKS)
        assert len(set(BANKS.values())) == len(BANKS)

    def test_an_unknown_code_is_refused(self) -> None:
        with pytest.raises(ValueError, match="CBN code"):
            bank_name("999")


class TestCheckAccountNumber:
    def test_the_example_of_the_standard_has_its_check_digit(self) -> None:
        # The worked example of CBN's first standard (2010): bank 011, serial 000001457, check digit 9.
        assert nuban_check_digit("011", "000001457") == 9
        assert check_account_number("011", "0000014579") == "0000014579"

    def test_a_sum_that_ends_in_nought_has_check_digit_nought(self) -> None:
        assert nuban_check_digit("000", "000000000") == 0

    @pytest.mark.parametrize("digit", "012345678")
    def test_any_other_check_digit_is_refused(self, digit: str) -> None:
        with pytest.raises(ValueError, match="check digit"):
            check_account_number("011", f"000001457{digit}")

    def test_the_number_of_another_bank_is_refused(self) -> None:
        with pytest.raises(ValueError, match="check digit"):
            check_account_number("058", "0000014579")

    @pytest.mark.parametrize(
        "number", ["", "123", "00000145790", "000001457x", "٠٠٠٠٠١٤٥٧٩", "000001457²", "-000014579"]
    )
    def test_anything_but_ten_digits_is_refused(self, number: str) -> None:
        with pytest.raises(ValueError, match="ten digits"):
            check_account_number("011", number)

    def test_the_bank_is_checked_first(self) -> None:
        with pytest.raises(ValueError, match="CBN code"):
            check_account_number("000", "0000000000")


class TestMask:
    @pytest.mark.parametrize(("number", "shown"), [("0123456789", "******6789"), ("6789", "****"), ("", "")])
    def test_only_the_last_four_show(self, number: str, shown: str) -> None:
        assert mask(number) == shown
