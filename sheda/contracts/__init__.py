"""Tenancies and sales.

Owns: contracts, their documents, renewals, notices, and the daily job that ends what has expired.
Promises: terms are the payment's and never change; a property is let or sold exactly while one contract lives; an end
comes once, whether the job runs twice, thrice at once, or after ten days of standing still.
Emits: ContractBegan, ContractEnded, NoticeGiven, RenewalProposed. Reacts to: PaymentCanceled, PaymentDeclined.
"""
