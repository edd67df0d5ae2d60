"""The life of a contract."""

from sheda.contracts import events
from sheda.core.states import Machine, Move

CONTRACT = Machine(
    "status",
    ("pending", "active", "scheduled", "expired", "renewed", "terminated", "completed", "canceled"),
    (
        Move("activate", ("pending", "scheduled"), "active", "ASY", "Begin", events.ContractBegan, button=False),
        Move("schedule", ("pending",), "scheduled", "ASY", "Renew from the old end", button=False),
        Move("cancel", ("pending",), "canceled", "CASY", "Cancel", button=False),
        Move("renewed", ("active",), "renewed", "ASY", "Renewed", button=False),
        Move("terminate", ("active",), "terminated", "CASY", "End early", events.ContractEnded, reason="office", confirm="The tenancy ends after its notice; staff end it at once. The property returns to the market."),
        Move("call_off", ("scheduled",), "terminated", "S", "Call off", events.ContractEnded, reason="office", button=False),
        Move("expire", ("active",), "expired", "SY", "End", events.ContractEnded, confirm="The tenancy ends and the property returns to the market."),
        Move("complete", ("active",), "completed", "AS", "Handed over", reason="office", confirm="The sale is closed; the property stays sold."),
    ),
)  # fmt: skip
