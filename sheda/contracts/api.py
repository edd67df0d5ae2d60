"""Contracts over HTTP."""

from typing import Any

from sqlalchemy.orm import joinedload

from sheda.contracts import services
from sheda.contracts.models import Contract
from sheda.contracts.schemas import ContractOut, ContractsQuery, Decision, Declaration, NewRenewal, Reason
from sheda.contracts.states import CONTRACT
from sheda.core.access import RowScopedInterface, get_visible, select_visible
from sheda.core.actor import Actor
from sheda.core.api import Answer, RoomApi, endpoint
from sheda.core.db import db, lock
from sheda.core.paging import Key, Page, page_of
from sheda.properties import services as properties
from sheda.properties.models import Property


class ContractsApi(RoomApi):
    """Contracts: declaring and deciding payments, ending, renewing, and the document."""

    resource_name = "contracts"
    datamodel = RowScopedInterface(Contract)
    class_permission_name = "Contract"
    machine = CONTRACT
    list_columns = [
        "id",
        "reference",
        "property_id",
        "client_id",
        "agent_id",
        "contract_type",
        "amount",
        "currency",
        "start_date",
        "end_date",
        "status",
        "created_at",
    ]
    search_columns = [
        "id",
        "reference",
        "contract_type",
        "amount",
        "currency",
        "start_date",
        "end_date",
        "status",
        "created_at",
    ]
    order_columns = ["id", "amount", "start_date", "end_date", "status", "created_at"]

    @endpoint("GET", "/", may="list", lists=True, query=ContractsQuery, answer=ContractOut)
    def index(self, actor: Actor, *, query: dict[str, Any]) -> Page:
        """List one's own contracts, newest first unless asked."""
        whole = joinedload(Contract.payment), joinedload(Contract.renewal_payment)
        statement = select_visible(actor, Contract).options(*whole)
        for name in ("status", "property_id"):
            if query[name] is not None:
                statement = statement.where(getattr(Contract, name) == query[name])
        return page_of(statement, [Key(Contract.id, "id", descending=query["sort"] == "newest")], **query)

    @endpoint("GET", "/<pk>", may="read", subject=Contract, answer=ContractOut, etag=True)
    def show(self, actor: Actor, contract_id: int) -> Contract:
        """Read a contract."""
        return get_visible(actor, Contract, contract_id)

    @endpoint("GET", "/<pk>/document.pdf", may="read", subject=Contract, produces="application/pdf")
    def document(self, actor: Actor, contract_id: int) -> Answer:
        """Read a contract on paper, with the receipt of its payment, as PDF."""
        contract = get_visible(actor, Contract, contract_id)
        headers = {
            "Content-Disposition": f'inline; filename="{contract.reference}.pdf"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        }
        return Answer(services.document_of(contract), headers=headers)

    @endpoint(
        "POST", "/<property_id>", may="declare", subject=Property, body=Declaration, answer=ContractOut, status=201,
        idempotent=True,
    )  # fmt: skip
    def declare(self, actor: Actor, property_id: int, *, body: dict[str, Any]) -> Answer:
        """Say "I have made payment". Holds the home until the agent decides; repeating it answers 200."""
        contract, is_new = services.find_or_declare(actor, property_id, **body)
        return Answer(contract, 201 if is_new else 200, {"Location": f"/api/v1/contracts/{contract.id}"})

    @endpoint(
        "PATCH",
        "/<pk>/confirm-payment",
        may="confirm_payment",
        subject=Contract,
        body=Decision,
        answer=ContractOut,
        etag=True,
    )
    def confirm_payment(self, actor: Actor, contract_id: int, *, body: dict[str, Any]) -> Contract:
        """Accept (nothing said) or decline the payment of a contract. Staff give a reason; to decline, everybody."""
        return services.confirm_payment(actor, contract_id, **body)

    @endpoint("PATCH", "/<pk>/expire", may="expire", subject=Contract, body=Reason, answer=ContractOut, etag=True)
    def expire(self, actor: Actor, contract_id: int, *, body: dict[str, Any]) -> Contract:
        """End a tenancy that is due, or with a reason before its day. The home returns to the market."""
        return services.expire(actor, contract_id, **body)

    @endpoint(
        "PATCH",
        "/<pk>/complete",
        may="complete",
        subject=Contract,
        move="complete",
        body=Reason,
        answer=ContractOut,
        etag=True,
    )
    def complete(self, actor: Actor, contract_id: int, *, body: dict[str, Any]) -> Contract:
        """Close a sale that was handed over. The property stays sold."""
        return services.complete(actor, contract_id, **body)

    @endpoint(
        "POST",
        "/<pk>/terminate",
        may="terminate",
        subject=Contract,
        move="terminate",
        body=Reason,
        answer=ContractOut,
        etag=True,
    )
    def terminate(self, actor: Actor, contract_id: int, *, body: dict[str, Any]) -> Contract:
        """End a tenancy early. A party gives notice (see `ends_early_on`); staff, with a reason, end it at once."""
        return services.terminate(actor, contract_id, **body)

    @endpoint(
        "POST", "/<pk>/renewals", may="renew", subject=Contract, body=NewRenewal, answer=ContractOut, status=201,
        idempotent=True,
    )  # fmt: skip
    def renew(self, actor: Actor, contract_id: int, *, body: dict[str, Any]) -> Answer:
        """Propose a renewal, or accept the other side's. Accepting begins its payment, which the client declares."""
        contract, is_new = services.renew(actor, contract_id, **body)
        return Answer(contract, 201 if is_new else 200)

    def representation(self, actor: Actor, *ids: int) -> Contract:
        """Return the contract as GET answers it."""
        return get_visible(actor, Contract, ids[0])

    def find_subject(self, actor: Actor, model: type[Any], row_id: int) -> Any:
        """Find a property also when it is no longer shown but the client has a payment for it."""
        return (
            services.find_payable_property(actor, row_id)
            if model is Property
            else super().find_subject(actor, model, row_id)
        )

    def lock_subject(self, model: type[Any], row_id: int) -> None:
        """Lock the property before the contract."""
        contract = db.session.get(Contract, row_id)
        if contract is not None:
            properties.lock_property(contract.property_id)
        lock(model, [row_id])
