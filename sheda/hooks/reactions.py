"""What happens becomes deliveries, in the transaction in which it happens: one statement, however many endpoints."""

from sheda.accounts.events import AccountClosing
from sheda.appointments.events import AppointmentBooked
from sheda.core.states import Moves, Plural
from sheda.hooks import services
from sheda.hooks.catalogue import NAMES
from sheda.payments.events import GatewayFlagged
from sheda.properties.events import PriceLowered

FLAGS = {"refund": "payment.refunded", "dispute": "payment.disputed"}


@Plural
def moved(moves: Moves) -> None:
    """Tell of a move, on however many records."""
    services.note(NAMES[moves.kind], moves.model.__tablename__, moves.ids)


def viewing_booked(event: AppointmentBooked) -> None:
    """Tell of a request, or of the new time of a viewing that was moved."""
    name = "appointment.booked" if event.subject.replaces_id is None else "appointment.rescheduled"
    services.note(name, "appointments", [event.subject.id])


def price_lowered(event: PriceLowered) -> None:
    """Tell of a lower price."""
    services.note("property.price_lowered", "properties", [event.subject.id])


def gateway_flagged(event: GatewayFlagged) -> None:
    """Tell of refunds and disputes; what else a gateway says that staff must look at is theirs."""
    if event.outcome in FLAGS and event.payment is not None:
        services.note(FLAGS[event.outcome], "payments", [event.payment.id])


def account_closing(event: AccountClosing) -> None:
    """Tell nobody anything any more on behalf of somebody who leaves."""
    services.forget_person(event.user.id)
