"""Listings, from a draft to the archive.

Owns: properties with their two axes (on the market, shown), fees, pictures, earlier prices, how often they are looked
at, the search, and the editor they are written in.
Promises: an open deal freezes kind, price and currency; a picture is re-encoded and has exactly one cover among its
siblings; a draft may lack anything, what is shown lacks nothing; lists are one statement each, and tell clients of
published listings only.
Emits: TermsChanging, PropertyPublished, PriceLowered, PropertyArchived, PropertyReturned.
"""
