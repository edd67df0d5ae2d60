"""The document of a contract, from its row."""

from decimal import Decimal

from sqlalchemy import select

from sheda.contracts.document import AmountLine, ContractFacts, contract_pdf
from sheda.contracts.models import Contract
from sheda.core.db import db
from sheda.profiles.models import AgentProfile


def document_of(contract: Contract) -> bytes:
    """Write the contract and the receipt of its payment as a PDF; the same contract in one state has the same bytes."""
    payment, subject = contract.payment, contract.subject
    agency = db.session.scalars(select(AgentProfile).where(AgentProfile.user_id == contract.agent_id)).one_or_none()
    return contract_pdf(
        ContractFacts(
            reference=contract.reference,
            contract_type=contract.contract_type,
            status=contract.status,
            issued_at=contract.activated_at or contract.created_at,
            client_name=contract.client.get_full_name(),
            agent_name=contract.agent.get_full_name(),
            property_title=subject.title,
            property_type=subject.property_type,
            property_location=subject.location,
            property_reference=subject.reference,
            start_date=contract.start_date,
            end_date=contract.end_date,
            lines=tuple(
                AmountLine(
                    line["kind"], line["label"], line["quantity"], Decimal(line["unit_amount"]), Decimal(line["amount"])
                )
                for line in payment.lines
            ),
            amount=contract.amount,
            currency=contract.currency,
            payment_reference=payment.reference,
            period=contract.period,
            periods=contract.periods,
            agency_name=(agency and agency.agency_name) or "",
            agent_licence=(agency and agency.licence_number) or "",
            paid_on=payment.paid_on,
            accepted_at=payment.decided_at if payment.status == "accepted" else None,
        )
    )
