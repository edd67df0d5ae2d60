"""What the wire carries about payments and files."""

from typing import Any

from marshmallow import Schema, fields, post_dump

from sheda.core.actor import current_actor
from sheda.core.banks import mask
from sheda.core.fields import Amount, Choice, Day, Line, Moment, RequestSchema, RowId, Whole
from sheda.core.paging import PageQuery
from sheda.payments.access import may_read_account
from sheda.payments.models import MONTHS, MOST_PERIODS, Payment
from sheda.payments.states import PAYMENT


class NewPayment(RequestSchema):
    """What “Make payment” takes; a sale takes no periods."""

    periods = Whole(1, MOST_PERIODS, load_default=None)
    months = Whole(1, MOST_PERIODS * MONTHS["year"], load_default=None)
    start_date = Day(load_default=None)


class PaymentsQuery(PageQuery):
    """The query of the list of payments."""

    sort = Choice(("newest", "oldest"), load_default="newest")
    status = Choice(PAYMENT.states, load_default=None)
    property_id = RowId(load_default=None)


class LineOut(Schema):
    """One line of an amount."""

    kind = fields.String()
    label = fields.String()
    quantity = fields.Integer()
    unit_amount = fields.String()
    amount = fields.String()


class AccountOut(Schema):
    """The bank account that a payment goes to."""

    bank_name = fields.String()
    account_name = fields.String()
    account_number = fields.String()


class PaymentCard(Schema):
    """A payment in a list: the account number is masked for everybody."""

    id = fields.Integer()
    reference = fields.String()
    kind = fields.String()
    appointment_id = fields.Integer(allow_none=True)
    renews_contract_id = fields.Integer(allow_none=True)
    property_id = fields.Integer()
    client_id = fields.Integer()
    agent_id = fields.Integer()
    period = fields.String(allow_none=True)
    periods = fields.Integer(allow_none=True)
    start_date = Day(allow_none=True)
    lines = fields.List(fields.Nested(LineOut))
    amount = Amount()
    currency = fields.String()
    account = fields.Nested(AccountOut)
    status = fields.String()
    expires_at = Moment()
    declared_at = Moment(allow_none=True)
    decide_by = Moment(allow_none=True)
    decided_at = Moment(allow_none=True)
    amount_paid = Amount(allow_none=True)
    paid_on = Day(allow_none=True)
    payer_name = fields.String(allow_none=True)
    bank_reference = fields.String(allow_none=True)
    proof_file_id = fields.Integer(allow_none=True)
    refund_due = fields.Boolean()
    created_at = Moment()

    def shows_account(self, _payment: Payment) -> bool:
        """Tell whether whoever reads gets the whole account number."""
        return False

    @post_dump(pass_original=True)
    def _mask(self, data: dict[str, Any], original: Payment, **_options: Any) -> dict[str, Any]:
        if not self.shows_account(original):
            data["account"]["account_number"] = mask(data["account"]["account_number"])
        return data


class PaymentOut(PaymentCard):
    """One payment; the account number is whole for the payer while the payment is open, and for its owner."""

    def shows_account(self, payment: Payment) -> bool:
        """Tell whether whoever reads gets the whole account number."""
        return may_read_account(current_actor(), payment)


class FileOut(Schema):
    """A private file."""

    id = fields.Integer()
    content_type = fields.String()
    size = fields.Integer()
    sha256 = fields.String()
    created_at = Moment()


class CheckoutBody(RequestSchema):
    """Which gateway to pay through."""

    provider = Line(least=1, most=20, required=True)


class CheckoutOut(Schema):
    """Where to send the client's browser."""

    id = fields.Integer()
    provider = fields.String()
    reference = fields.String()
    url = fields.String()


class ReceivedOut(Schema):
    """That a webhook was kept."""

    received = fields.Boolean()
