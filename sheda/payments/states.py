"""The life of a payment."""

from sheda.core.states import Machine, Move
from sheda.payments import events

PAYMENT = Machine(
    "status",
    ("initiated", "declared", "processing", "verified", "accepted", "declined", "canceled", "expired", "superseded"),
    (
        Move("declare", ("initiated",), "declared", "C", "I have made payment", events.PaymentDeclared, confirm="The home is held for you until the agent decides."),
        Move("process", ("initiated",), "processing", "Y", "At the bank", button=False),
        Move("fail", ("processing",), "initiated", "Y", "Not gone through", button=False),
        Move("verify", ("initiated", "processing"), "verified", "Y", "Proved", events.PaymentVerified, button=False),
        Move("prove", ("declared",), "verified", "Y", "Proved", button=False),
        Move("accept", ("declared", "verified"), "accepted", "ASY", "Money received", events.PaymentAccepted, reason="office", confirm="The contract begins, the property leaves the market, and everybody is told."),
        Move("decline", ("declared", "verified"), "declined", "AS", "Not received", events.PaymentDeclined, reason="always", confirm="The home is free again; the client reads your reason. This is final."),
        Move("cancel", ("initiated", "processing", "declared"), "canceled", "CY", "Cancel", events.PaymentCanceled, confirm="The home is free again."),
        Move("expire", ("initiated",), "expired", "Y", "Lapse", events.PaymentExpired, button=False),
        Move("supersede", ("initiated", "declared", "processing", "verified"), "superseded", "Y", "Home taken", events.PaymentSuperseded, button=False),
    ),
)  # fmt: skip
