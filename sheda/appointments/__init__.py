"""Viewings.

Owns: agents' weekly hours and exceptions, free slots, and appointments.
Promises: no agent and no client is in two places at once, whoever asks and however many at once; a request is
answered in time or lapses; a moved viewing frees its time and takes the new one together.
Emits: AppointmentBooked, Confirmed, Rejected, Canceled, Expired, Completed, Missed. Reacts to: PropertyArchived.
"""
