"""Paying through a gateway: a checkout is one try, with a reference of its own that is used once."""

import secrets
from datetime import timedelta

from flask import current_app
from sqlalchemy import select

from sheda.core import clock
from sheda.core.access import get_visible
from sheda.core.actor import Actor
from sheda.core.db import db, flush
from sheda.core.errors import Conflict, InvalidInput
from sheda.core.states import illegal
from sheda.payments.gateways import GATEWAYS, Order, find_gateway
from sheda.payments.models import Checkout, Payment
from sheda.properties.services import UnderOffer

PAYABLE = ("initiated", "processing")
REUSED_FOR = timedelta(minutes=30)
"""How long a checkout that was begun is offered again, instead of a second one."""

LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class CheckoutUnavailable(Conflict):
    """Refuse a payment that a gateway does not take; a bank transfer is always possible."""

    code = "checkout_unavailable"
    detail = "This payment cannot be made through this gateway. Pay by bank transfer."


def start(actor: Actor, payment_id: int, *, provider: str) -> Checkout:
    """Begin a checkout of one's own initiated payment with a gateway, or return the one that was just begun.

    InvalidInput on `provider`, IllegalMove, CheckoutUnavailable for renewals and for currencies that the gateway does
    not take, UnderOffer, GatewayDown.
    """
    payment = get_visible(actor, Payment, payment_id)
    gateway = find_gateway(provider)
    if gateway is None:
        names = ", ".join(name for name in GATEWAYS if find_gateway(name)) or "none is set up"
        raise InvalidInput.on("provider", f"Choose one of the gateways: {names}.")
    is_late = payment.status == "initiated" and payment.expires_at <= clock.now()
    if payment.status not in PAYABLE or is_late:
        raise illegal("checkout", "expired" if is_late else payment.status)
    if payment.kind == "renewal" or payment.currency not in gateway.CURRENCIES:
        raise CheckoutUnavailable
    if payment.subject.is_under_offer:
        raise UnderOffer
    begun = db.session.scalars(
        select(Checkout)
        .where(
            Checkout.payment_id == payment.id,
            Checkout.provider == provider,
            Checkout.paid_at.is_(None),
            Checkout.created_at > clock.now() - REUSED_FOR,
        )
        .order_by(Checkout.id.desc())
    ).first()
    if begun is not None:
        return begun
    reference = f"{payment.reference}-{''.join(secrets.choice(LETTERS) for _ in range(6))}"
    order = Order(
        reference=reference,
        amount=payment.amount,
        currency=payment.currency,
        email=payment.client.email,
        label=f"Sheda {payment.reference}",
        back=current_app.config["CHECKOUT_RETURN_URL"],
    )
    checkout = Checkout(
        payment_id=payment.id, provider=provider, reference=reference, url=gateway.start(order), created_at=clock.now()
    )
    db.session.add(checkout)
    flush()
    return checkout
