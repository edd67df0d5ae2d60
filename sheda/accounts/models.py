"""People and the ways they prove who they are: Flask-AppBuilder's user with a few columns more, token families, codes."""

import uuid

from flask_appbuilder.security.sqla.models import Role, User, assoc_user_role
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    DefaultClause,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from sheda.core.db import Id, Model, Stamp, UserId

__all__ = [
    "OneTimeCode",
    "RecoveryCode",
    "RefreshFamily",
    "RefreshToken",
    "Role",
    "SecondFactor",
    "SignInChallenge",
    "User",
    "assoc_user_role",
]

User.phone = mapped_column(String(20), nullable=True)
User.verified_at = mapped_column(DateTime(timezone=True), nullable=True)
User.deleted_at = mapped_column(DateTime(timezone=True), nullable=True)
User.language = mapped_column(String(5), nullable=True)
User.totp_since = mapped_column(DateTime(timezone=True), nullable=True)
User.session_version = mapped_column(Integer, nullable=False, server_default="0", default=0)
User.__table__.c.active.nullable = False
User.__table__.c.active.server_default = DefaultClause(text("true"))

Index("uq_ab_user_lower_email", func.lower(User.email), unique=True)
Index("uq_ab_user_lower_username", func.lower(User.username), unique=True)
Index("uq_ab_user_phone", User.phone, unique=True, postgresql_where=text("phone IS NOT NULL"))
Index(
    "ix_ab_user_names",
    User.first_name,
    User.last_name,
    postgresql_using="gin",
    postgresql_ops={"first_name": "gin_trgm_ops", "last_name": "gin_trgm_ops"},
)
Index("ix_ab_user_phone_part", User.phone, postgresql_using="gin", postgresql_ops={"phone": "gin_trgm_ops"})

PURPOSES = ("verify_email", "reset_password")


class RefreshFamily(Model):
    """One sign-in of one device: its refresh tokens replace one another, and end together."""

    __tablename__ = "refresh_families"
    __table_args__ = (Index("ix_refresh_families_user_id", "user_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[UserId]
    created_at: Mapped[Stamp]
    expires_at: Mapped[Stamp]
    revoked_at: Mapped[Stamp | None]


class RefreshToken(Model):
    """One refresh token, used once; at most one of a family is unused (I12)."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        Index("uq_refresh_tokens_live", "family_id", unique=True, postgresql_where=text("used_at IS NULL")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    family_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("refresh_families.id", ondelete="CASCADE"))
    created_at: Mapped[Stamp]
    expires_at: Mapped[Stamp]
    used_at: Mapped[Stamp | None]


class OneTimeCode(Model):
    """One request for a six-digit code. The worker makes the code when it sends it; only its HMAC is kept."""

    __tablename__ = "one_time_codes"
    __table_args__ = (
        CheckConstraint("purpose IN ('verify_email', 'reset_password')", name="purpose"),
        CheckConstraint("tries >= 0", name="tries"),
        Index("uq_one_time_codes_live", "user_id", "purpose", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_one_time_codes_user_id_created_at", "user_id", "created_at"),
    )

    id: Mapped[Id]
    user_id: Mapped[UserId]
    purpose: Mapped[str] = mapped_column(String(20))
    code_hash: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[Stamp]
    expires_at: Mapped[Stamp | None]
    tries: Mapped[int] = mapped_column(server_default="0")
    used_at: Mapped[Stamp | None]
    ended_at: Mapped[Stamp | None]


class SecondFactor(Model):
    """Somebody's authenticator app: its sealed secret, and the last step of time whose code was taken.

    Until it is confirmed by a first code it asks for nothing.
    """

    __tablename__ = "second_factors"

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="RESTRICT"), primary_key=True)
    secret: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Stamp]
    confirmed_at: Mapped[Stamp | None]
    last_step: Mapped[int] = mapped_column(BigInteger, server_default="0")


class RecoveryCode(Model):
    """One way in without the app, used once; only its hash is kept."""

    __tablename__ = "recovery_codes"
    __table_args__ = (Index("uq_recovery_codes_code", "user_id", "code_hash", unique=True),)

    id: Mapped[Id]
    user_id: Mapped[UserId]
    code_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[Stamp]
    used_at: Mapped[Stamp | None]


class SignInChallenge(Model):
    """A sign-in between its two steps: the password was right, the code is asked for; used once, for minutes."""

    __tablename__ = "sign_in_challenges"
    __table_args__ = (CheckConstraint("tries >= 0", name="tries"), Index("ix_sign_in_challenges_user_id", "user_id"))

    id: Mapped[Id]
    user_id: Mapped[UserId]
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[Stamp]
    expires_at: Mapped[Stamp]
    tries: Mapped[int] = mapped_column(server_default="0")
    used_at: Mapped[Stamp | None]
