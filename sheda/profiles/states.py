"""The life of an agent's verification: papers sent in, seen by the office, and taken back when they no longer hold."""

from sheda.core.states import Machine, Move
from sheda.profiles.events import VerificationDecided, VerificationSubmitted

VERIFICATION = Machine(
    "status",
    ("unverified", "submitted", "verified", "rejected"),
    (
        Move("submit", ("unverified", "rejected"), "submitted", "A", "Send in", VerificationSubmitted),
        Move("withdraw", ("submitted",), "unverified", "A", "Take back", confirm="You can change your papers again."),
        Move("approve", ("submitted",), "verified", "S", "Approve", VerificationDecided, confirm="Clients see from now on that you have seen who this agent is."),
        Move("reject", ("submitted",), "rejected", "S", "Send back", VerificationDecided, reason="always", confirm="The agent is told why, and can send better papers."),
        Move("revoke", ("verified",), "unverified", "S", "Take the badge back", VerificationDecided, reason="always", confirm="The badge goes at once. The agent is told why, and can send papers again."),
        Move("lapse", ("verified",), "unverified", "Y", "Lapse", VerificationDecided, button=False),
    ),
)  # fmt: skip
