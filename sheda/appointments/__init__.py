"""Viewings: who sees which home with whom, and when.

Owns the tables `appointments`, `availability_hours`, `availability_exceptions` and `calendar_feeds`.
Promises that no agent and no client is in two places at once, that a pending request holds its time only until it
lapses, and that a time given up is free in the same transaction.
Free time is never stored: `slots.py` computes it from the week, its exceptions and what is taken.
Emits AppointmentBooked, AppointmentConfirmed, AppointmentRejected, AppointmentCanceled, AppointmentExpired,
AppointmentCompleted and AppointmentMissed; whoever reacts to a cancellation may refuse it (a declared payment waits).
Reacts to PropertyArchived and AccountClosing by cancelling the viewings that have not begun.
"""
