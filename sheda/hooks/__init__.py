"""Webhooks going out: what happens in an agency, told to the agency's own programs.

Owns endpoints and deliveries. Reacts to the news of the rooms on its left: a delivery is written in the event's own
transaction, once for each endpoint that asked for it, and a worker sends it, signed as Standard Webhooks says, again
with longer pauses until it is taken or given up. What it says is thin: ids, states and amounts, no people's data.
Emits nothing; whoever owns an endpoint that failed for days is told through notifications.
"""
