"""Money, as both sides say it moved.

Owns: payments with their frozen amount and account, and the private files that prove them.
Promises: amounts are computed here and never taken from a request; every showing of an account is in the history; one
declared payment holds a property, the first; money that may have moved never lapses silently.
Emits: PaymentInitiated, Declared, Accepted, Declined, Canceled, Expired, Superseded, Escalated.
Reacts to: AppointmentCanceled, TermsChanging, PropertyArchived, AccountClosing.
"""
