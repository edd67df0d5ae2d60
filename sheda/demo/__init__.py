"""Demo data: a plausible Nigerian market, the same for the same seed.

Owns no table. `listings.py` makes plain rows from `places.py`, `names.py` and `phrases.py`; `facades.py` and `rooms.py`
draw the pictures; `deals.py` tells a story in every state, and `load.py` copies it all into an empty Sheda, once.
"""
