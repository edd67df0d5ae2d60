"""Nigerian banks by the three digits of the Central Bank (CBN), and account numbers in the NUBAN form."""

BANKS = {
    "011": "First Bank of Nigeria",
    "023": "Citibank Nigeria",
    "032": "Union Bank of Nigeria",
    "033": "United Bank for Africa",
    "035": "Wema Bank",
    "044": "Access Bank",
    "050": "Ecobank Nigeria",
    "057": "Zenith Bank",
    "058": "Guaranty Trust Bank",
    "063": "Access Bank (Diamond)",
    "068": "Standard Chartered Bank Nigeria",
    "070": "Fidelity Bank",
    "076": "Polaris Bank",
    "082": "Keystone Bank",
    "100": "SunTrust Bank",
    "101": "Providus Bank",
    "102": "Titan Trust Bank",
    "103": "Globus Bank",
    "104": "Parallex Bank",
    "105": "PremiumTrust Bank",
    "106": "Signature Bank",
    "107": "Optimus Bank",
    "214": "First City Monument Bank",
    "215": "Unity Bank",
    "221": "Stanbic IBTC Bank",
    "232": "Sterling Bank",
    "301": "Jaiz Bank",
    "302": "TAJBank",
    "303": "Lotus Bank",
    "304": "The Alternative Bank",
    "401": "ASO Savings and Loans",
    "501": "FSDH Merchant Bank",
    "502": "Rand Merchant Bank Nigeria",
    "559": "Coronation Merchant Bank",
}
"""CBN codes of commercial, non-interest, merchant and mortgage banks, to the name customers know."""

LENGTH = 10
SHOWN = 4

_WEIGHTS = (3, 7, 3) * 4


def bank_name(code: str) -> str:
    """Name the bank of a CBN code; ValueError when there is none."""
    try:
        return BANKS[code]
    except KeyError:
        raise ValueError("Give the three-digit CBN code of a Nigerian bank, such as 058.") from None


def nuban_check_digit(bank_code: str, serial: str) -> int:
    """Compute the tenth digit of an account number from the bank's code and the nine digits before it.

    Source: CBN, "Revised Standards on Nigeria Uniform Bank Account Number (NUBAN)", 2020: the twelve digits are
    weighted 3, 7, 3, 3, 7, 3, …, and the sum's distance to the next multiple of ten is the check digit. The standard
    puts three zeros before a bank's code (a 9 before other institutions'), which leaves the sum as it is.
    """
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, bank_code + serial, strict=True))
    return -total % 10


def check_account_number(bank_code: str, number: str) -> str:
    """Return a valid account number of that bank; ValueError says what is wrong with it."""
    bank_name(bank_code)
    if len(number) != LENGTH or not (number.isascii() and number.isdigit()):
        raise ValueError("An account number (NUBAN) has ten digits.")
    if nuban_check_digit(bank_code, number[:9]) != int(number[9]):
        raise ValueError("This is not an account number of that bank: its check digit does not fit.")
    return number


def mask(number: str) -> str:
    """Hide an account number but for its last four digits: "******6789"."""
    return number[-SHOWN:].rjust(len(number), "*") if len(number) > SHOWN else "*" * len(number)
