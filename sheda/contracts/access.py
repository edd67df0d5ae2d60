"""Whose contracts are there for whom."""

from sqlalchemy import ColumnElement, false, true

from sheda.contracts.models import Contract
from sheda.core.access import row_rule
from sheda.core.actor import Actor, Role


@row_rule(Contract)
def _contract_rows(actor: Actor) -> ColumnElement[bool]:
    if actor.is_office:
        return true()
    if actor.role is Role.CLIENT:
        return Contract.client_id == actor.id
    return Contract.agent_id == actor.id if actor.role is Role.AGENT else false()


def side_of(actor: Actor, contract: Contract) -> str:
    """Name the side that an actor stands on: client or agent; the office acts in the agent's place."""
    return "client" if actor.role is Role.CLIENT and contract.client_id == actor.id else "agent"
