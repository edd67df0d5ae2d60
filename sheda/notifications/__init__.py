"""What people are told.

Owns: in-app notices, preferences, the reactions that write mails to the outbox, and reminders.
Promises: one mail and one notice per event and person, never two; security mails cannot be switched off.
Reacts to nearly everything; emits nothing.
"""
