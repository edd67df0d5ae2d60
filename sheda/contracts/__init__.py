"""Contracts: tenancies and sales.

Owns the table contracts. Promises: a contract begins only with an accepted payment, and its amount and dates are that
payment's; terms never change and rows are never deleted; a let or sold property has exactly one live contract; a
tenancy ends exactly once, on its day, whatever runs twice, beside itself, or ten days late; a renewal follows without
a day between.

Emits ContractBegan, ContractEnded, NoticeGiven and RenewalProposed. Everything that a payment brings about here
reacts to the payment's events; refuses, through reactions, new terms, archiving and account closing under a contract.
"""
