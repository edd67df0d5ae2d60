"""Payments by bank transfer, as both sides say they happened, and through gateways, as those prove.

Owns the tables payments, files, checkouts and webhook_events. Promises: amount, lines and account are frozen when a
payment begins; one open payment per client and property; one declared payment holds a property; a declared payment
never lapses in silence, because money may have moved; full account details are shown to the payer and the owner alone,
and each showing to a payer leaves a history row; a webhook moves nothing until its gateway, asked again, names the
frozen amount, currency and reference.

Emits PaymentInitiated, PaymentDeclared, PaymentVerified, PaymentAccepted, PaymentDeclined, PaymentCanceled,
PaymentExpired, PaymentSuperseded, PaymentEscalated, and PaymentChanging before a payment is locked. Refuses, through
reactions, that a viewing is called off, a listing's terms change or an account is closed under an open payment.
"""
