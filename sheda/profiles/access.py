"""Which profiles, bank accounts and papers are there for you: one's own, and all for the office."""

from typing import Any

from sqlalchemy import and_, select, true

from sheda.core.access import row_rule
from sheda.core.actor import Actor
from sheda.profiles.models import AgentVerification, BankAccount, Profile, VerificationDocument


@row_rule(Profile)
def _profile_rows(actor: Actor) -> Any:
    return true() if actor.is_office else Profile.user_id == actor.id


@row_rule(BankAccount)
def _bank_account_rows(actor: Actor) -> Any:
    own = and_(BankAccount.agent_id == actor.id, BankAccount.removed_at.is_(None))
    return true() if actor.is_office else own


@row_rule(AgentVerification)
def _verification_rows(actor: Actor) -> Any:
    return true() if actor.is_office else AgentVerification.agent_id == actor.id


@row_rule(VerificationDocument)
def _document_rows(actor: Actor) -> Any:
    present = VerificationDocument.removed_at.is_(None)
    if actor.is_office:
        return present
    own = select(AgentVerification.id).where(AgentVerification.agent_id == actor.id)
    return and_(present, VerificationDocument.verification_id.in_(own))
