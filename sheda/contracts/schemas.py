"""What the wire carries about contracts."""

from marshmallow import Schema, fields

from sheda.contracts.states import CONTRACT
from sheda.core.fields import Amount, Choice, Day, Moment, RequestSchema, RowId, Text, Whole
from sheda.core.paging import PageQuery
from sheda.core.states import REASON_LENGTH
from sheda.payments.models import MONTHS, MOST_PERIODS

MOST_MONTHS = MOST_PERIODS * MONTHS["year"]


class Declaration(RequestSchema):
    """“I have made payment”; `rental_period_months` and `amount`, if sent, must equal the frozen ones."""

    payment_id = RowId(load_default=None)
    amount_paid = Amount(required=True)
    paid_on = Day(required=True)
    payer_name = Text(most=120, load_default=None)
    bank_reference = Text(most=80, load_default=None)
    proof_file_id = RowId(load_default=None)
    rental_period_months = Whole(1, MOST_MONTHS, load_default=None)
    amount = Amount(load_default=None)


class Reason(RequestSchema):
    """A move's reason."""

    reason = Text(most=REASON_LENGTH, load_default=None)


class Decision(Reason):
    """The answer to a declared payment; nothing said accepts it."""

    decision = Choice(("accept", "decline"), load_default="accept")


class NewRenewal(Reason):
    """A renewal that is proposed, or accepted by saying nothing more."""

    periods = Whole(1, MOST_PERIODS, load_default=None)
    months = Whole(1, MOST_MONTHS, load_default=None)


class ContractsQuery(PageQuery):
    """The query of the list of contracts."""

    sort = Choice(("newest", "oldest"), load_default="newest")
    status = Choice(CONTRACT.states, load_default=None)
    property_id = RowId(load_default=None)


class PaymentBrief(Schema):
    """The payment behind a contract."""

    id = fields.Integer()
    status = fields.String()
    reference = fields.String()


class RenewalOut(Schema):
    """A renewal that is proposed (by a side) or being paid."""

    periods = fields.Integer()
    proposed_by = fields.String(allow_none=True)
    payment = fields.Nested(PaymentBrief, allow_none=True)


class ContractOut(Schema):
    """A contract; the end is exclusive, and a sale has none."""

    id = fields.Integer()
    reference = fields.String()
    property_id = fields.Integer()
    client_id = fields.Integer()
    agent_id = fields.Integer()
    contract_type = fields.String()
    amount = Amount()
    currency = fields.String()
    period = fields.String(allow_none=True)
    periods = fields.Integer(allow_none=True)
    start_date = Day()
    end_date = Day(allow_none=True)
    is_active = fields.Boolean()
    status = fields.String()
    ends_early_on = Day(allow_none=True)
    replaces_id = fields.Integer(allow_none=True)
    payment = fields.Nested(PaymentBrief)
    renewal = fields.Nested(RenewalOut, allow_none=True)
    created_at = Moment()
    activated_at = Moment(allow_none=True)
    ended_at = Moment(allow_none=True)
