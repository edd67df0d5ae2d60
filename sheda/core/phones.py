"""Telephone numbers in the one form in which they are kept: E.164."""

import phonenumbers

HOME = "NG"
"""The country of a number written without a country code."""


def normalise_phone(text: str) -> str:
    """Return a telephone number as E.164: "0803 123 4567" becomes "+2348031234567".

    Raises ValueError for what is no number of its country's plan.
    """
    try:
        number = phonenumbers.parse(text, HOME)
    except phonenumbers.NumberParseException:
        raise ValueError(_ADVICE) from None
    # An extension would be lost silently, and nobody can be reached under half of a number.
    if number.extension or not phonenumbers.is_valid_number(number):
        raise ValueError(_ADVICE)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


_ADVICE = "Give a telephone number such as 08031234567, or +44 20 7946 0958 with its country code."
