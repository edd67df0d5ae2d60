"""Telephone numbers."""

import pytest

from sheda.core.phones import normalise_phone


class TestNormalisePhone:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("08031234567", "+2348031234567"),
            ("0803 123 4567", "+2348031234567"),
            ("0803-123-4567", "+2348031234567"),
            ("+234 803 123 4567", "+2348031234567"),
            ("2348031234567", "+2348031234567"),
            ("+2348031234567", "+2348031234567"),
            ("07012345678", "+2347012345678"),
            ("09012345678", "+2349012345678"),
            ("+44 20 7946 0958", "+442079460958"),
            ("+1 212 555 2368", "+12125552368"),
        ],
    )
    def test_every_spelling_becomes_one(self, given: str, expected: str) -> None:
        assert normalise_phone(given) == expected

    @pytest.mark.parametrize(
        "given",
        ["", "0803", "abc", "+", "+999 123", "08031234567 ext 12", "080312345678901234", "\x00", "9" * 5000, "0" * 300],
    )
    def test_anything_else_is_refused(self, given: str) -> None:
        with pytest.raises(ValueError, match="telephone number"):
            normalise_phone(given)
