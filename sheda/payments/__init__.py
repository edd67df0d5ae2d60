"""Payments by bank transfer, as both sides say they happened.

Owns the tables payments and files. Promises: amount, lines and account are frozen when a payment begins; one open
payment per client and property; one declared payment holds a property; a declared payment never lapses in silence,
because money may have moved; full account details are shown to the payer and the owner alone, and each showing to a
payer leaves a history row.

Emits PaymentInitiated, PaymentDeclared, PaymentAccepted, PaymentDeclined, PaymentCanceled, PaymentExpired,
PaymentSuperseded, PaymentEscalated, and PaymentChanging before a payment is locked. Refuses, through reactions, that
a viewing is called off, a listing's terms change or an account is closed under an open payment.
"""
