"""A contract is of its payment's deal, and a payment of its viewing's: home, client, agent, and the amount.

Revision ID: 20261122_1155
Revises: 20261122_1150
"""

from alembic import op

revision = "20261122_1155"
down_revision = "20261122_1150"
branch_labels = None
depends_on = None

DEAL = ["property_id", "client_id", "agent_id"]
PRICED = [*DEAL, "amount", "currency"]


def upgrade() -> None:
    op.create_unique_constraint("uq_appointments_deal", "appointments", ["id", *DEAL])
    op.create_unique_constraint("uq_payments_deal", "payments", ["id", *PRICED])
    op.create_foreign_key(
        "fk_payments_deal", "payments", "appointments", ["appointment_id", *DEAL], ["id", *DEAL], ondelete="RESTRICT"
    )
    op.create_foreign_key(
        "fk_contracts_deal", "contracts", "payments", ["payment_id", *PRICED], ["id", *PRICED], ondelete="RESTRICT"
    )


def downgrade() -> None:
    op.drop_constraint("fk_contracts_deal", "contracts")
    op.drop_constraint("fk_payments_deal", "payments")
    op.drop_constraint("uq_payments_deal", "payments")
    op.drop_constraint("uq_appointments_deal", "appointments")
