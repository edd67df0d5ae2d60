"""Examples of what messages say: invented people and a home, for whoever looks at the templates."""

from typing import Any

from sheda.notifications.kinds import KINDS

HOME = "Three-bedroom flat in Yaba (SH-10427)"
WHEN = "Tue 24 Nov 2026, 14:30"

WORDS: dict[str, Any] = {
    "home": HOME,
    "when": WHEN,
    "zone": "Lagos time",
    "client": "Ngozi Bello",
    "agent": "Ada Obi",
    "sender": "Ngozi Bello",
    "amount": "₦2,500,000",
    "reference": "PAY-7QK2M9XD",
    "until": "Thu 26 Nov 2026, 14:30",
    "start": "Tue 1 Dec 2026",
    "end": "Wed 1 Dec 2027",
    "left": "in 30 days",
    "length": "1 year",
    "kind": "rent",
    "began": True,
    "refund_due": True,
    "change": "on",
    "status": "verified",
    "suggestions": ["Wed 25 Nov 2026, 10:00", "Wed 25 Nov 2026, 15:30", "Thu 26 Nov 2026, 09:00"],
    "lines": ["Good morning, is the flat still to be had?", "I could come on Tuesday."],
    "count": 2,
    "provider": "Paystack",
    "what": "the payer disputes a payment",
    "host": "crm.agency.example",
    "reason": "Please ask for no money outside Sheda.",
    "why": "it has taken nothing for 5 days",
    "path": "/admin/",
    "reply_path": "/admin/chats/list/",
    "unsubscribe_url": "https://sheda.example/unsubscribe/…",
    "code": "482913",
    "minutes": 10,
    "purpose": "verify_email",
    "name": "Flats in Yaba",
    "more": 0,
    "homes": [
        {
            "title": "Three-bedroom flat",
            "place": "Yaba",
            "price": "₦2,400,000 a year",
            "was": "₦2,500,000",
            "reference": "SH-10427",
        },
    ],
    "facts": [("Home", HOME), ("When", f"{WHEN} (Lagos time), 30 minutes"), ("Amount", "₦2,500,000")],
}

TEXTS = {
    "appointment_booked": f"Ngozi Bello asks to view {HOME} on {WHEN}.",
    "appointment_moved": f"The viewing of {HOME} is moved to {WHEN}; the agent confirms the new time.",
    "appointment_confirmed": f"The viewing of {HOME} on {WHEN} is confirmed.",
    "appointment_rejected": f"Ada Obi cannot show you {HOME} on {WHEN}.",
    "appointment_canceled": f"The viewing of {HOME} on {WHEN} is cancelled.",
    "appointment_expired": f"The request to view {HOME} on {WHEN} was not answered in time and has lapsed.",
    "appointment_reminder": f"Your viewing of {HOME} is on {WHEN} (Lagos time).",
    "payment_initiated": f"To pay ₦2,500,000 for {HOME}, use the account shown in Sheda by {WHEN}.",
    "payment_declared": f"Ngozi Bello has paid ₦2,500,000 for {HOME}. Confirm or decline by {WHEN}.",
    "payment_decision_due": f"Ngozi Bello's payment of ₦2,500,000 for {HOME} waits for your decision until {WHEN}.",
    "payment_accepted": f"The payment of ₦2,500,000 for {HOME} is confirmed. The contract is in your mail.",
    "payment_declined": f"Ada Obi has not received your payment of ₦2,500,000 for {HOME}.",
    "payment_canceled": f"The payment of ₦2,500,000 for {HOME} was called off; a refund may be due.",
    "payment_refunded": f"Your refund of ₦2,500,000 for {HOME} was sent: bank transfer FT26326.",
    "payment_superseded": f"{HOME} went to somebody else; your payment of ₦2,500,000 is closed.",
    "payment_escalated": f"Ada Obi has not decided on the payment of ₦2,500,000 for {HOME} in time.",
    "gateway_flagged": "Paystack: the payer disputes a payment. It is about PAY-7QK2M9XD.",
    "contract_ending": f"The tenancy of {HOME} ends on Wed 1 Dec 2027, in 30 days.",
    "contract_ended": f"The tenancy of {HOME} has ended.",
    "contract_notice": f"Notice is given: the tenancy of {HOME} ends on Wed 1 Dec 2027.",
    "renewal_proposed": f"A renewal of the tenancy of {HOME} for 1 year is proposed to you.",
    "property_returned": f"{HOME} is on the market again. Is it still available? Pause it if it is not.",
    "message_reported": "A message of Ngozi Bello was reported. Please look at it within a day.",
    "report_closed": "Thank you for your report. We have looked at the message and acted on it.",
    "chat_waiting": "Ngozi Bello has sent you 2 messages.",
    "sender_warned": "About a message of yours, the Sheda team says: Please ask for no money outside Sheda.",
    "password_changed": f"Your password was changed on {WHEN}. If that was not you, reset it at once.",
    "two_factor_changed": "Two-step sign-in is on. If that was not you, change your password at once.",
    "verification_submitted": "Ada Obi has sent papers to be verified.",
    "verification_decided": "Your papers are approved: clients see that you are verified.",
    "bank_account_changed": f"Your bank account Access Bank, ••••4081 was changed on {WHEN}.",
    "hook_stopped": "The webhook to crm.agency.example was switched off: it has taken nothing for 5 days.",
}
"""The sentence of each kind, as the list in Sheda, a push and a text have it."""

MAILS = {
    "code": "A one-time code",
    "search_alert": "New homes for a saved search",
    "digest": "The daily mail",
}
"""Mails that are no kind of notice, and what they are called."""


def words_of(template: str) -> dict[str, Any]:
    """Return what the example of a mail says."""
    if template == "digest":
        return {**WORDS, "lines": [{"text": text, "path": "/admin/"} for text in list(TEXTS.values())[:3]]}
    return WORDS


def text_of(kind: str) -> str:
    """Return the sentence of a kind's example."""
    return TEXTS.get(kind, KINDS[kind].label + ".")
