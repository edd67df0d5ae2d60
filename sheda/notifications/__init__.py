"""Notifications: what people are told, in Sheda and by mail, and how each of them wants to hear of it.

Owns notices and preferences. Reacts to the news of every room on its left: each event tells each person once, by one
notice and one mail under one unique key, within the transaction of the event itself. Reminders are sweeps of what is
due that nobody was told of. Attachments are made when a mail leaves and kept nowhere. Emits nothing.
"""
