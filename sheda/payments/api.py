"""Payments and private files over HTTP."""

import json
from typing import Any

from werkzeug.datastructures import FileStorage

from sheda.appointments.models import Appointment
from sheda.core.access import RowScopedInterface, get_visible, select_visible
from sheda.core.actor import Actor
from sheda.core.api import Answer, Raw, RoomApi, ServiceApi, endpoint
from sheda.core.attachments import MAX_BYTES
from sheda.core.db import after_commit, db, lock
from sheda.core.errors import InvalidInput
from sheda.core.paging import Key, Page, page_of
from sheda.payments import checkouts, files, services, webhooks
from sheda.payments.jobs import process_webhooks
from sheda.payments.models import Checkout, File, Payment
from sheda.payments.schemas import (
    CheckoutBody,
    CheckoutOut,
    FileOut,
    NewPayment,
    PaymentCard,
    PaymentOut,
    PaymentsQuery,
    ReceivedOut,
)
from sheda.payments.states import PAYMENT
from sheda.properties import services as properties


def _shown_again(actor: Actor, text: str) -> None:
    """Note that a first answer, which holds the whole account number, is read once more."""
    services.note_showing(actor, get_visible(actor, Payment, json.loads(text)["id"]))


class AppointmentPaymentsApi(RoomApi):
    """“Make payment”, after a viewing."""

    resource_name = "appointments"
    datamodel = RowScopedInterface(Appointment)
    class_permission_name = "Appointment"

    @endpoint(
        "POST", "/<pk>/payments", may="pay", subject=Appointment, body=NewPayment, answer=PaymentOut, status=201,
        idempotent=True, on_replay=_shown_again,
    )  # fmt: skip
    def pay(self, actor: Actor, appointment_id: int, *, body: dict[str, Any]) -> Answer:
        """Make a payment for a home that was viewed. Freezes its terms; repeating it answers 200 with the open one."""
        payment, is_new = services.find_or_initiate(actor, appointment_id, **body)
        return Answer(payment, 201 if is_new else 200, {"Location": f"/api/v1/payments/{payment.id}"})


class PaymentsApi(RoomApi):
    """One's own payments, and calling them off."""

    resource_name = "payments"
    datamodel = RowScopedInterface(Payment)
    class_permission_name = "Payment"
    machine = PAYMENT
    list_columns = [
        "id",
        "reference",
        "kind",
        "property_id",
        "client_id",
        "agent_id",
        "amount",
        "currency",
        "status",
        "expires_at",
        "decide_by",
        "created_at",
    ]
    search_columns = [
        "id",
        "reference",
        "kind",
        "amount",
        "currency",
        "status",
        "expires_at",
        "decide_by",
        "created_at",
    ]
    order_columns = ["id", "amount", "status", "expires_at", "decide_by", "created_at"]

    @endpoint("GET", "/", may="list", lists=True, query=PaymentsQuery, answer=PaymentCard)
    def index(self, actor: Actor, *, query: dict[str, Any]) -> Page:
        """List one's own payments, newest first. Account numbers are masked here, and whole in a single payment."""
        statement = select_visible(actor, Payment)
        for name in ("status", "property_id"):
            if query[name] is not None:
                statement = statement.where(getattr(Payment, name) == query[name])
        return page_of(statement, [Key(Payment.id, "id", descending=query["sort"] == "newest")], **query)

    @endpoint("GET", "/<pk>", may="read", subject=Payment, answer=PaymentOut, etag=True)
    def show(self, actor: Actor, payment_id: int) -> Payment:
        """Read a payment. The payer of an open one reads the whole account number, and that showing is audited."""
        payment = get_visible(actor, Payment, payment_id)
        services.show_account(actor, payment)
        return payment

    @endpoint(
        "POST", "/<pk>/checkout", may="checkout", subject=Payment, body=CheckoutBody, answer=CheckoutOut,
        refusals=(503,),
    )  # fmt: skip
    def checkout(self, actor: Actor, payment_id: int, *, body: dict[str, Any]) -> Checkout:
        """Pay an initiated payment through a gateway: the answer says where. Repeating it answers the same address."""
        return checkouts.start(actor, payment_id, **body)

    @endpoint("DELETE", "/<pk>", may="cancel", subject=Payment, move="cancel", answer=PaymentOut, etag=True)
    def cancel(self, actor: Actor, payment_id: int) -> Payment:
        """Call a payment off before its decision. The home is free again; what was declared becomes a refund due."""
        return services.cancel(actor, payment_id)

    def representation(self, actor: Actor, *ids: int) -> Payment:
        """Return the payment as GET answers it."""
        return get_visible(actor, Payment, ids[0])

    def lock_subject(self, model: type[Any], row_id: int) -> None:
        """Lock the property before the payment."""
        payment = db.session.get(Payment, row_id)
        if payment is not None:
            properties.lock_property(payment.property_id)
        lock(model, [row_id])


class FilesApi(RoomApi):
    """Private files, such as proofs of payment."""

    resource_name = "files"
    datamodel = RowScopedInterface(File)
    class_permission_name = "File"

    @endpoint("POST", "/", may="create", upload="file", answer=FileOut, status=201, idempotent=True)
    def upload(self, actor: Actor, *, files: list[FileStorage]) -> Answer:
        """Upload one private file: a JPEG, PNG, WebP or PDF of at most 10 MB, named `file`."""
        if len(files) > 1:
            raise InvalidInput.on("file", "Send one file at a time.")
        stored = _keep(actor, files[0])
        return Answer(stored, headers={"Location": f"/api/v1/files/{stored.id}"})

    @endpoint("GET", "/<pk>", may="read", subject=File, produces="application/octet-stream")
    def download(self, actor: Actor, file_id: int) -> Answer:
        """Download a private file: for its uploader, the parties of its payment, and staff."""
        stored, data = files.read_file(actor, file_id)
        headers = {
            "Content-Disposition": f'attachment; filename="file-{stored.id}.{files.suffix_of(stored)}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        }
        return Answer(data, headers=headers, content_type=stored.content_type)


def _keep(actor: Actor, sent: FileStorage) -> File:
    # One byte above the limit is enough to know that it is too large.
    return files.store_file(actor, sent.stream.read(MAX_BYTES + 1))


class WebhooksApi(ServiceApi):
    """What payment gateways tell: let in by their signature, never by a role."""

    resource_name = "webhooks"
    class_permission_name = "Webhook"

    @endpoint(
        "POST", "/<provider>", may="post", tokenless=True, unlimited=True, raw=True, words=True, flat=True,
        answer=ReceivedOut, refusals=(401,),
    )  # fmt: skip
    def receive(self, _actor: Actor, provider: str, *, body: Raw) -> dict[str, bool]:
        """Keep a signed event of `paystack`, `flutterwave`, `stripe` or `fake`, once, to be worked through at once.

        401 for a signature that no live key has made, 404 for a gateway that is not set up.
        """
        if webhooks.take(provider, body):
            after_commit(process_webhooks.ring)
        return {"received": True}
