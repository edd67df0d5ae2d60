"""The life of a viewing."""

from sheda.appointments import events
from sheda.core.states import Machine, Move

APPOINTMENT = Machine(
    "status",
    ("pending", "confirmed", "rejected", "canceled", "expired", "completed", "no_show"),
    (
        Move("confirm", ("pending",), "confirmed", "AS", "Confirm", events.AppointmentConfirmed, reason="office", confirm="Both sides are told, and reminded a day and two hours before."),
        Move("reject", ("pending",), "rejected", "AS", "Decline", events.AppointmentRejected, reason="always", confirm="The client reads your reason, with your next free times."),
        Move("complete", ("confirmed",), "completed", "ASY", "Viewed", events.AppointmentCompleted, reason="office", confirm="“Make payment” opens for the client."),
        Move("no_show", ("confirmed",), "no_show", "AS", "Did not come", events.AppointmentMissed, reason="office", confirm="The viewing is closed without one."),
        Move("cancel", ("pending", "confirmed"), "canceled", "CASY", "Cancel", events.AppointmentCanceled, reason="office", confirm="The other side is told, and the time is free again."),
        Move("reschedule", ("pending", "confirmed"), "canceled", "CAS", "Move", None, reason="office", confirm="The other side is told, and the old time is free again.", button=False),
        Move("expire", ("pending",), "expired", "Y", "Lapse", events.AppointmentExpired, button=False),
    ),
)  # fmt: skip
