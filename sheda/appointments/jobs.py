"""Sweeps of viewings: requests that nobody answered, and viewings of which nobody said how they went."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, select

from sheda.appointments import services
from sheda.appointments.models import Appointment
from sheda.core import clock
from sheda.core.db import db
from sheda.core.jobs import BATCH, Tally, job, sweep_ids


def _ids(*due: ColumnElement[bool]) -> Callable[[int], list[int]]:
    def after(last: int) -> list[int]:
        statement = select(Appointment.id).where(Appointment.id > last, *due).order_by(Appointment.id).limit(BATCH)
        return list(db.session.scalars(statement))

    return after


def _held(work: Callable[[Appointment], bool]) -> Callable[[int], bool]:
    def on(appointment_id: int) -> bool:
        statement: Any = select(Appointment).where(Appointment.id == appointment_id)
        # A row that somebody holds is being decided right now; the next sweep looks again.
        found = db.session.scalars(
            statement.with_for_update(skip_locked=True).execution_options(populate_existing=True)
        ).one_or_none()
        return found is not None and work(found)

    return on


@job("appointments.expire", every=timedelta(minutes=1))
def expire_due() -> Tally:
    """Let requests lapse that nobody answered in time."""
    due = _ids(Appointment.status == "pending", Appointment.expires_at <= clock.now())
    return sweep_ids(due, _held(services.expire_if_due), counted_as="expired")


@job("appointments.complete", every=timedelta(minutes=15))
def complete_due() -> Tally:
    """Count viewings as held a day after their end when nobody has said otherwise."""
    ended = clock.now() - current_app.config["COMPLETE_AFTER"]
    due = _ids(Appointment.status == "confirmed", Appointment.ends_at <= ended)
    return sweep_ids(due, _held(services.complete_if_due), counted_as="completed")
