"""Listings, from a draft to the archive.

Owns: properties with their two axes (on the market, shown), fees, pictures, earlier prices, and the search.
Promises: an open deal freezes kind, price and currency; a picture is re-encoded and has exactly one cover among its
siblings; lists are one statement each, and tell clients of published listings only.
Emits: TermsChanging, PropertyPublished, PriceLowered, PropertyArchived, PropertyReturned.
"""
