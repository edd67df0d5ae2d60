"""What a story is told with: rows that follow from each other as the services would have written them."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from sqlalchemy import select

from sheda.appointments.models import Appointment
from sheda.contracts.models import Contract
from sheda.core import clock, files
from sheda.core.banks import bank_name
from sheda.core.db import db
from sheda.core.money import wire
from sheda.core.states import History
from sheda.demo.paths import CONTRACT, DECLARED, LIVE, PAYMENT, ROLES, VIEWING, Path
from sheda.demo.people import People
from sheda.demo.proofs import draw_proof
from sheda.demo.stock import LETTERS
from sheda.payments.models import File, Payment
from sheda.profiles.models import BankAccount
from sheda.properties.models import Property

_SUNDAY = 6


@dataclass(frozen=True)
class Tenancy:
    """One yearly tenancy: its state, its start or its end (exclusive), and the day on which it ends early, if any."""

    state: str = "active"
    start: date | None = None
    end: date | None = None
    leaves: date | None = None

    @property
    def days(self) -> tuple[date, date]:
        """Return start and end, twelve calendar months apart."""
        if self.start is not None:
            return self.start, clock.add_months(self.start, 12)
        end = self.end or clock.today()
        return clock.add_months(end, -12), end


class Teller:
    """Write rows about listings that are still free of stories; `told` counts viewings and payments."""

    def __init__(self, draw: Random, people: People, now: datetime, listings: list[Property]) -> None:
        self.draw, self.people, self.now, self.told = draw, people, now, 0
        homes = [one for one in listings if one.period == "year" and one.bedroom]
        self._free = {"rent": homes, "sale": [one for one in listings if one.listing_type == "sale"]}
        self._clients = 0
        self._accounts = {row.agent_id: row for row in db.session.scalars(select(BankAccount))}

    def take(self, kind: str, *, mine: bool) -> Property:
        """Take a free listing to let or sell, the demo agent's when there is one left and it is asked for."""
        free = self._free[kind]
        wanted = [one for one in free if (one.agent_id == self.people.agents[0]) is mine]
        chosen = (wanted or free)[0]
        free.remove(chosen)
        return chosen

    def client(self) -> int:
        """Return the next client, the demo client left out."""
        self._clients = self._clients % (len(self.people.clients) - 1) + 1
        return self.people.clients[self._clients]

    def slot(self, days: int, hour: int) -> datetime:
        """Return an hour of a day to come, in Lagos; Monday stands for Sunday."""
        day = clock.today() + timedelta(days=days)
        day += timedelta(days=day.weekday() == _SUNDAY)
        return datetime.combine(day, time(hour), clock.LAGOS)

    def viewing(
        self,
        listing: Property,
        client_id: int,
        state: str,
        starts: datetime,
        *,
        booked: datetime,
        reason: str | None = None,
        by: str | None = None,
        replaces: int | None = None,
    ) -> Appointment:
        """Tell a viewing of half an hour; `by` names another move to its last state."""
        starts = starts.replace(minute=0, second=0, microsecond=0)
        row = Appointment(
            property_id=listing.id,
            agent_id=listing.agent_id,
            client_id=client_id,
            starts_at=starts,
            ends_at=starts + timedelta(minutes=30),
            status=state,
            expires_at=min(booked + timedelta(hours=24), starts - timedelta(hours=1)) if state == "pending" else None,
            replaces_id=replaces,
            created_at=booked,
            updated_at=booked,
        )
        path = VIEWING[state] if by is None else ((by, state, "C"),)
        self._keep(row, "pending", "book", path, booked, reason=reason, last=starts if state == "completed" else None)
        self._age(listing, booked)
        return row

    def payment(
        self,
        listing: Property,
        client_id: int,
        state: str,
        made: datetime,
        *,
        declared: datetime | None = None,
        decided: datetime | None = None,
        reason: str | None = None,
        renews: Contract | None = None,
        start: date | None = None,
    ) -> Payment:
        """Tell a payment for one year or the whole price, after a viewing two days before; a renewal has none."""
        viewing = None
        if renews is None:
            viewing = self.viewing(
                listing, client_id, "completed", made - timedelta(days=2), booked=made - timedelta(days=4)
            )
        lines = _lines(listing, with_fees=renews is None)
        account = self._accounts[listing.agent_id]
        row = Payment(
            reference=self._reference("PAY"),
            kind="renewal" if renews else listing.listing_type,
            appointment_id=viewing.id if viewing else None,
            renews_contract_id=renews.id if renews else None,
            property_id=listing.id,
            client_id=client_id,
            agent_id=listing.agent_id,
            period=listing.period,
            periods=1 if listing.period else None,
            start_date=start,
            lines=lines,
            amount=sum((Decimal(line["amount"]) for line in lines), Decimal(0)),
            currency=listing.currency,
            bank_account_id=account.id,
            account=_account(account),
            status=state,
            expires_at=made + timedelta(hours=48),
            decided_at=decided,
            created_at=made,
            updated_at=decided or declared or made,
        )
        if declared is not None:
            self._declare(row, declared)
        path = PAYMENT[state]
        if state == "canceled" and declared is not None:
            path = (DECLARED, *path)
        self._keep(row, "initiated", "initiate", path, made, reason=reason, second=declared, last=decided)
        return row

    def hold(self, listing: Property, payment: Payment) -> None:
        """Keep a listing for a payment that waits for a decision."""
        listing.held_by_payment_id = payment.id

    def contract(
        self,
        payment: Payment,
        state: str,
        *,
        start: date,
        end: date | None = None,
        replaces: Contract | None = None,
        leaves: date | None = None,
    ) -> Contract:
        """Tell the contract of a payment, with that payment's terms."""
        is_rent = payment.kind != "sale"
        made = payment.declared_at or payment.created_at
        began = payment.decided_at if state not in {"pending", "canceled", "scheduled"} else None
        row = Contract(
            reference=self._reference("CON"),
            property_id=payment.property_id,
            client_id=payment.client_id,
            agent_id=payment.agent_id,
            payment_id=payment.id,
            replaces_id=replaces.id if replaces else None,
            contract_type="rent" if is_rent else "sale",
            amount=payment.amount,
            currency=payment.currency,
            period=payment.period,
            periods=payment.periods,
            start_date=start,
            end_date=(end or clock.add_months(start, 12)) if is_rent else None,
            status=state,
            ends_early_on=leaves,
            created_at=made,
            activated_at=began,
        )
        ended = None
        if state in {"expired", "renewed"} and row.end_date:
            ended = datetime.combine(row.end_date, time(2), clock.LAGOS)
        elif state == "terminated":
            ended = self.now - timedelta(days=20)
        elif state in {"canceled", "completed"}:
            ended = payment.decided_at or made + timedelta(hours=5)
        row.ended_at = ended if state != "completed" else None
        self._keep(row, "pending", "create", CONTRACT[state], made, second=began, last=ended, counts=False)
        return row

    def tenancy(self, listing: Property, client_id: int, tenancy: Tenancy) -> Contract:
        """Tell a tenancy from its viewing on; a live one takes the listing off the market."""
        start, end = tenancy.days
        paid = datetime.combine(start, time(11), clock.LAGOS) - timedelta(days=2)
        payment = self.payment(
            listing,
            client_id,
            "accepted",
            paid,
            declared=paid + timedelta(hours=3),
            decided=paid + timedelta(days=1),
            start=start,
        )
        contract = self.contract(payment, tenancy.state, start=start, end=end, leaves=tenancy.leaves)
        if tenancy.state in LIVE:
            self._take_off(listing, "rent_out", "rented", payment)
        return contract

    def renewal(self, contract: Contract, payment_state: str, contract_state: str) -> Contract:
        """Tell a renewal of a tenancy for another year."""
        listing = db.session.get_one(Property, contract.property_id)
        end = contract.end_date or clock.today()
        declared = min(self.now - timedelta(days=2), datetime.combine(end, time(10), clock.LAGOS) - timedelta(days=1))
        decided = declared + timedelta(days=1) if payment_state == "accepted" else None
        payment = self.payment(
            listing,
            contract.client_id,
            payment_state,
            declared - timedelta(hours=2),
            declared=declared,
            decided=decided,
            renews=contract,
            start=end,
        )
        successor = self.contract(payment, contract_state, start=end, replaces=contract)
        if contract_state in LIVE:
            self._take_off(listing, "rent_out", "rented", payment)
        return successor

    def sale(self, listing: Property, client_id: int, state: str, day: date) -> Contract:
        """Tell a sale on a day; the listing is sold."""
        paid = datetime.combine(day, time(11), clock.LAGOS) - timedelta(days=1)
        payment = self.payment(
            listing, client_id, "accepted", paid, declared=paid + timedelta(hours=2), decided=paid + timedelta(days=1)
        )
        self._take_off(listing, "sell", "sold", payment)
        return self.contract(payment, state, start=day)

    def _take_off(self, listing: Property, move: str, status: str, payment: Payment) -> None:
        at = payment.decided_at or payment.created_at
        self._history(listing, move, listing.status, status, "A", at, None)
        listing.status = status

    def _declare(self, payment: Payment, declared: datetime) -> None:
        payment.declared_at = declared
        payment.decide_by = declared + timedelta(hours=72)
        if payment.status == "declared" and payment.decide_by < self.now:
            payment.escalated_at = payment.decide_by
        payment.amount_paid, payment.paid_on = payment.amount, declared.astimezone(clock.LAGOS).date()
        payment.payer_name = "As on my account"
        payment.bank_reference = f"{self.draw.randrange(10**11):011d}"
        proof = draw_proof(payment)
        file = File(
            owner_id=payment.client_id,
            key=files.put(files.Area.PRIVATE, proof, "png"),
            content_type="image/png",
            size=len(proof),
            sha256=hashlib.sha256(proof).hexdigest(),
            created_at=declared,
        )
        db.session.add(file)
        db.session.flush()
        payment.proof_file_id = file.id

    def _keep(
        self,
        row: Any,
        first: str,
        move: str,
        path: Path,
        begun: datetime,
        *,
        second: datetime | None = None,
        last: datetime | None = None,
        reason: str | None = None,
        counts: bool = True,
    ) -> None:
        """Add a row and its history: its first state, then each move of the path, the last at `last` when given."""
        db.session.add(row)
        db.session.flush()
        self.told += counts
        self._history(row, move, None, first, "C", begun, None)
        before, at = first, begun
        for number, (name, after, who) in enumerate(path, 1):
            is_last = number == len(path)
            at = (last if is_last and last else second if second and number == 1 else None) or at + timedelta(hours=2)
            at = min(at, self.now)
            self._history(row, name, before, after, who, at, reason if is_last else None)
            before = after

    def _history(
        self, row: Any, move: str, before: str | None, after: str, who: str, at: datetime, reason: str | None
    ) -> None:
        actor_id = {"C": getattr(row, "client_id", None), "A": row.agent_id}.get(who)
        db.session.add(
            History(
                subject_type=row.__tablename__,
                subject_id=row.id,
                move=move,
                from_state=before,
                to_state=after,
                actor_id=actor_id,
                actor_role=ROLES[who],
                reason=reason,
                details={},
                at=at,
            )
        )

    def _age(self, listing: Property, booked: datetime) -> None:
        """Let a listing be older than what happened on it."""
        if listing.created_at >= booked:
            listing.created_at = listing.published_at = booked - timedelta(days=9)

    def _reference(self, kind: str) -> str:
        return f"{kind}-{''.join(self.draw.choices(LETTERS, k=8))}"


def _lines(listing: Property, *, with_fees: bool) -> list[dict[str, Any]]:
    kind, label = ("rent", "Rent, 1 year") if listing.listing_type == "rent" else ("price", "Price")
    due = [(kind, label, listing.price)]
    if with_fees:
        due += [(fee.kind, fee.label or fee.kind.replace("_", " ").capitalize(), fee.amount) for fee in listing.fees]
    return [
        {"kind": kind, "label": label, "quantity": 1, "unit_amount": wire(amount), "amount": wire(amount)}
        for kind, label, amount in due
    ]


def _account(account: BankAccount) -> dict[str, str]:
    return {
        "bank_code": account.bank_code,
        "bank_name": bank_name(account.bank_code),
        "account_name": account.account_name,
        "account_number": account.account_number,
    }
