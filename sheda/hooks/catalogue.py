"""Every event that an endpoint can ask for, on one screen, and what a message says of each kind of record.

Messages are thin: ids, states, references, moments and amounts. Who the people are, how they are reached and into which
account they pay stays here; a program that may know asks the API.
"""

from sheda.appointments import events as appointments
from sheda.contracts import events as contracts
from sheda.core.clauses import Clause
from sheda.core.events import Event
from sheda.payments import events as payments
from sheda.properties import events as properties

EVENTS: dict[str, str] = {
    "appointment.booked": "A viewing is asked for",
    "appointment.rescheduled": "A viewing is moved to another time",
    "appointment.confirmed": "A viewing is confirmed",
    "appointment.rejected": "A viewing is declined",
    "appointment.canceled": "A viewing is cancelled",
    "appointment.expired": "A request was not answered in time",
    "appointment.completed": "A viewing took place",
    "appointment.missed": "The client did not come",
    "payment.initiated": "Account details were shown to a client",
    "payment.declared": "A client says that he has paid",
    "payment.verified": "A gateway has the money",
    "payment.accepted": "A payment is confirmed",
    "payment.declined": "A payment is not confirmed",
    "payment.canceled": "A payment is called off",
    "payment.expired": "A payment was not made in time",
    "payment.superseded": "The home of a payment went to somebody else",
    "payment.escalated": "Nobody decided on a payment in time",
    "payment.refunded": "Money went back to the client",
    "payment.disputed": "A gateway tells of a dispute",
    "contract.active": "A contract has begun",
    "contract.notice_given": "One side gives notice",
    "contract.renewal_proposed": "One side proposes a renewal",
    "contract.ended": "A tenancy has expired or was ended early",
    "property.published": "A listing is shown",
    "property.paused": "A listing is hidden",
    "property.archived": "A listing is taken off the market for good",
    "property.price_lowered": "A listing costs less",
    "property.rented": "A property is let",
    "property.sold": "A property is sold",
    "property.available": "A property is free again",
}

PING = "ping"

NAMES: dict[type[Event], str] = {
    appointments.AppointmentConfirmed: "appointment.confirmed",
    appointments.AppointmentRejected: "appointment.rejected",
    appointments.AppointmentCanceled: "appointment.canceled",
    appointments.AppointmentExpired: "appointment.expired",
    appointments.AppointmentCompleted: "appointment.completed",
    appointments.AppointmentMissed: "appointment.missed",
    payments.PaymentInitiated: "payment.initiated",
    payments.PaymentDeclared: "payment.declared",
    payments.PaymentVerified: "payment.verified",
    payments.PaymentAccepted: "payment.accepted",
    payments.PaymentDeclined: "payment.declined",
    payments.PaymentCanceled: "payment.canceled",
    payments.PaymentExpired: "payment.expired",
    payments.PaymentRefunded: "payment.refunded",
    payments.PaymentSuperseded: "payment.superseded",
    payments.PaymentEscalated: "payment.escalated",
    contracts.ContractBegan: "contract.active",
    contracts.NoticeGiven: "contract.notice_given",
    contracts.RenewalProposed: "contract.renewal_proposed",
    contracts.ContractEnded: "contract.ended",
    properties.PropertyPublished: "property.published",
    properties.PropertyPaused: "property.paused",
    properties.PropertyArchived: "property.archived",
    properties.PropertyLet: "property.rented",
    properties.PropertySold: "property.sold",
    properties.PropertyReturned: "property.available",
}
"""What moves are called outside; the others have a reaction of their own."""

MOMENT = """to_char(timezone('UTC', {}), 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""

FIELDS: dict[str, tuple[str, ...]] = {
    "appointments": ("status", "property_id", "client_id", "agent_id", "starts_at", "ends_at", "replaces_id"),
    "payments": (
        "reference", "kind", "status", "amount", "currency", "refund_due",
        "property_id", "client_id", "agent_id", "appointment_id",
    ),
    "contracts": (
        "reference", "status", "contract_type", "amount", "currency", "start_date", "end_date",
        "property_id", "client_id", "agent_id", "payment_id",
    ),
    "properties": ("reference", "status", "listing_state", "listing_type", "price", "currency", "period", "agent_id"),
}  # fmt: skip
"""What is told of a record of each table, beside its id."""

TEXTS = frozenset({"amount", "price", "start_date", "end_date"})
"""Money is written with its two places, days as days."""


def _value(name: str) -> str:
    if name.endswith("_at"):
        return MOMENT.format(f"r.{name}")
    return f"r.{name}::text" if name in TEXTS else f"r.{name}"


def note_of(table: str) -> Clause:
    """Return the clause that writes the deliveries of an event on rows of a table, for whoever asked for it."""
    said = ", ".join(f"'{name}', {_value(name)}" for name in FIELDS[table])
    return Clause(
        f"""INSERT INTO hook_deliveries (endpoint_id, message_id, event, subject_id, happened_at, payload, created_at,
  due_at)
 SELECT e.id, gen_random_uuid(), CAST(:event AS text), r.id, transaction_timestamp(),
  json_build_object('type', CAST(:event AS text), 'timestamp', {MOMENT.format("CAST(:now AS timestamptz)")},
   'data', json_build_object('id', r.id, {said}))::text, :now, :now
 FROM hook_endpoints e
 JOIN ab_user u ON u.id = e.owner_id AND u.active
 JOIN <{table}> r ON r.id = ANY(CAST(:ids AS bigint[])) AND (e.agent_id IS NULL OR e.agent_id = r.agent_id)
 WHERE e.stopped_at IS NULL AND e.events @> ARRAY[CAST(:event AS varchar)]
 ON CONFLICT DO NOTHING"""
    )


NOTES = {table: note_of(table) for table in FIELDS}
