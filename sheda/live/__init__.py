"""Live: what happens, told at once to those whom it concerns, by WebSocket or server-sent events.

Owns the log of what happened (`live_events`, written by triggers in the same transaction as the thing itself), tickets
to open a socket, and the marks of delivery. Promises that nothing is told to anyone but the two people of a row,
nothing is missed and nothing comes twice: PostgreSQL is the truth, read from exact positions; Redis is only the bell,
and carries what need not last, typing and presence. Sockets are held by a process of their own (`sheda/sockets.py`), to
which web processes hand them over. Emits nothing.
"""
