"""Shortlists: what people keep of the market, and how the market calls them back.

Owns favourites, saved searches, the news of the market that wait to be matched with them, and what was found.
Promises: everybody sees only his own; a listing is a favourite once; news is written in the transaction of the change
itself, so none is lost and none is looked at twice; the same listing is told to a search once as new, and again only
below every price it was told at; one mail a search and run, which one click ends for good, without signing in.
Reacts to PropertyPublished, PropertyReturned and PriceLowered by noting news, to AccountClosing by forgetting.
A minute's job matches news with batches of searches, by the conditions of the list itself (`matching.py`), and posts
what is due: at once, at seven in the morning in Lagos, or on Mondays. Emits nothing.
"""
