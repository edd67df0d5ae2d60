"""Viewings, and the hours in which an agent takes them."""

from datetime import date, datetime, time

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, func, literal_column, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sheda.accounts.models import User
from sheda.appointments.states import APPOINTMENT
from sheda.core.db import Id, Model, Stamp, UserId
from sheda.properties.models import Property

LIVE = "status IN ('pending', 'confirmed')"
OPEN_STATES = ("pending", "confirmed")

DEAL = ("property_id", "client_id", "agent_id")
"""What a payment has from its viewing; a foreign key holds them equal."""


class Appointment(Model):
    """A viewing of one property by one client with its agent; the end is exclusive, so that adjacent ones fit."""

    __tablename__ = "appointments"
    __table_args__ = (
        APPOINTMENT.check_constraint(),
        CheckConstraint("ends_at > starts_at", name="period"),
        ExcludeConstraint(
            ("agent_id", "="), (func.tstzrange(literal_column("starts_at"), literal_column("ends_at")), "&&"),
            name="ex_appointments_agent", using="gist", where=text(LIVE),
        ),
        ExcludeConstraint(
            ("client_id", "="), (func.tstzrange(literal_column("starts_at"), literal_column("ends_at")), "&&"),
            name="ex_appointments_client", using="gist", where=text(LIVE),
        ),
        UniqueConstraint("id", *DEAL, name="uq_appointments_deal"),
        Index("uq_appointments_open", "client_id", "property_id", unique=True, postgresql_where=text(LIVE)),
        Index("ix_appointments_client_id", "client_id", "id"),
        Index("ix_appointments_agent_id", "agent_id", "starts_at"),
        Index("ix_appointments_property_id", "property_id"),
        Index("ix_appointments_starts_at", "starts_at", "id"),
        Index("ix_appointments_expires_at", "expires_at", postgresql_where=text("status = 'pending'")),
        Index("ix_appointments_ends_at", "ends_at", postgresql_where=text("status = 'confirmed'")),
    )  # fmt: skip

    id: Mapped[Id]
    property_id: Mapped[int] = mapped_column(ForeignKey("properties.id", ondelete="RESTRICT"))
    agent_id: Mapped[UserId]
    client_id: Mapped[UserId]
    starts_at: Mapped[Stamp]
    ends_at: Mapped[Stamp]
    status: Mapped[str] = mapped_column(String(12), server_default="pending")
    expires_at: Mapped[Stamp | None]
    note: Mapped[str | None] = mapped_column(Text)
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("appointments.id", ondelete="RESTRICT"), unique=True)
    created_at: Mapped[Stamp]
    updated_at: Mapped[Stamp]

    subject: Mapped[Property] = relationship(viewonly=True)
    agent: Mapped[User] = relationship(foreign_keys="Appointment.agent_id", viewonly=True)
    client: Mapped[User] = relationship(foreign_keys="Appointment.client_id", viewonly=True)

    def has_begun(self, now: datetime) -> bool:
        """Tell whether the viewing has begun by a moment."""
        return self.starts_at <= now


class CalendarFeed(Model):
    """The private address at which an agent's calendar can be subscribed to; of its token only a digest is kept."""

    __tablename__ = "calendar_feeds"

    id: Mapped[Id]
    agent_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="RESTRICT"), unique=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[Stamp]


class AvailabilityHours(Model):
    """One stretch of an agent's week, in his own time zone; Monday is 0."""

    __tablename__ = "availability_hours"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("end_time > start_time", name="period"),
        Index("ix_availability_hours_agent_id", "agent_id", "weekday"),
    )

    id: Mapped[Id]
    agent_id: Mapped[UserId]
    weekday: Mapped[int]
    start_time: Mapped[time]
    end_time: Mapped[time]


class AvailabilityException(Model):
    """One day that differs from the week: free, blocked, or blocked in part."""

    __tablename__ = "availability_exceptions"
    __table_args__ = (
        CheckConstraint("(start_time IS NULL) = (end_time IS NULL)", name="both_times"),
        CheckConstraint("end_time > start_time", name="period"),
        CheckConstraint("NOT is_available OR start_time IS NOT NULL", name="available_has_times"),
        Index("ix_availability_exceptions_agent_id", "agent_id", "date"),
    )

    id: Mapped[Id]
    agent_id: Mapped[UserId]
    date: Mapped[date]
    is_available: Mapped[bool]
    start_time: Mapped[time | None]
    end_time: Mapped[time | None]
