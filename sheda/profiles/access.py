"""Which profiles and bank accounts are there for you: one's own, and all for the office."""

from typing import Any

from sqlalchemy import and_, true

from sheda.core.access import row_rule
from sheda.core.actor import Actor
from sheda.profiles.models import BankAccount, Profile


@row_rule(Profile)
def _profile_rows(actor: Actor) -> Any:
    return true() if actor.is_office else Profile.user_id == actor.id


@row_rule(BankAccount)
def _bank_account_rows(actor: Actor) -> Any:
    own = and_(BankAccount.agent_id == actor.id, BankAccount.removed_at.is_(None))
    return true() if actor.is_office else own
