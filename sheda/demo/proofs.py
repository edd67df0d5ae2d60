"""Drawn proofs of payment."""

import io

from PIL import Image, ImageDraw, ImageFont

from sheda.contracts.document import FONTS
from sheda.core.money import format_money
from sheda.payments.models import Payment


def draw_proof(payment: Payment) -> bytes:
    """Draw a transfer receipt, as a banking app would show it, as PNG."""
    image = Image.new("RGB", (540, 760), (244, 246, 248))
    pen = ImageDraw.Draw(image)
    plain, bold = (ImageFont.truetype(FONTS / name, 20) for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"))
    pen.rounded_rectangle((30, 30, 510, 730), 24, fill="white")
    pen.ellipse((235, 64, 305, 134), fill=(18, 140, 96))
    pen.line(((252, 100), (266, 114), (290, 86)), fill="white", width=7)
    pen.text((270, 168), "Transfer successful", fill=(40, 48, 58), font=bold, anchor="mm")
    amount = format_money(payment.amount, payment.currency)
    pen.text((270, 214), amount, fill=(18, 120, 84), font=bold, anchor="mm")
    rows = (
        ("To", payment.account["account_name"]),
        ("Bank", payment.account["bank_name"]),
        ("Account", payment.account["account_number"]),
        ("Narration", payment.reference),
        ("Session", payment.bank_reference or ""),
        ("Date", f"{payment.paid_on:%d %b %Y}" if payment.paid_on else ""),
    )
    for number, (label, value) in enumerate(rows):
        y = 290 + number * 66
        pen.line(((60, y - 26), (480, y - 26)), fill=(228, 232, 236), width=2)
        pen.text((60, y + 6), label, fill=(120, 128, 138), font=plain, anchor="lm")
        pen.text((480, y + 6), value, fill=(40, 48, 58), font=plain, anchor="rm")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
