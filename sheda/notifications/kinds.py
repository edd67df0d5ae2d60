"""Every kind of notice, on one screen; each has its mail in `templates/mail/<kind>.txt|.html`."""

from dataclasses import dataclass
from functools import cached_property

from sheda.core.actor import Role


@dataclass(frozen=True)
class Kind:
    """A kind of notice: its name for people, and the ways in which it can be heard of.

    `to` holds the letters of the roles that it reaches. `is_security`: its mail cannot be switched off; `mails`: it has
    one; `shows`: it is listed in Sheda; `digests`: its mail may wait for the daily one, because it carries no
    invitation or paper and asks for nothing within the day.
    """

    label: str
    group: str
    to: str = "CASX"
    is_security: bool = False
    mails: bool = True
    shows: bool = True
    digests: bool = True

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """Name the channels that one may choose for it."""
        can = {
            "app": self.shows,
            "mail": self.mails,
            "digest": self.mails and self.digests and not self.is_security,
        }
        return (*(name for name, is_there in can.items() if is_there), "push", "sms", "whatsapp")

    def reaches(self, role: Role) -> bool:
        """Tell whether people of a role are told of it."""
        return role.letter in self.to


KINDS: dict[str, Kind] = {
    "appointment_booked": Kind("A viewing is asked for", "Viewings", "A"),
    "appointment_moved": Kind("A viewing is moved", "Viewings", "CA", digests=False),
    "appointment_confirmed": Kind("A viewing is confirmed", "Viewings", "CA", digests=False),
    "appointment_rejected": Kind("A viewing is declined", "Viewings", "C", digests=False),
    "appointment_canceled": Kind("A viewing is cancelled", "Viewings", "CA", digests=False),
    "appointment_expired": Kind("A request lapses", "Viewings", "CA", digests=False),
    "appointment_reminder": Kind("A viewing is near", "Viewings", "CA", digests=False),
    "payment_initiated": Kind("Account details were shown", "Payments", "C"),
    "payment_declared": Kind("A payment was made", "Payments", "A"),
    "payment_decision_due": Kind("A payment waits for a decision", "Payments", "A", digests=False),
    "payment_accepted": Kind("A payment is confirmed", "Payments", "CA", digests=False),
    "payment_declined": Kind("A payment is not confirmed", "Payments", "C"),
    "payment_canceled": Kind("A payment is called off", "Payments", "ASX", mails=False),
    "payment_refunded": Kind("A refund was sent", "Payments", "C", mails=False),
    "payment_superseded": Kind("A home went to somebody else", "Payments", "C"),
    "payment_escalated": Kind("A payment needs the office", "Payments", "SX"),
    "gateway_flagged": Kind("A gateway tells of money to look at", "Payments", "SX"),
    "contract_ending": Kind("A tenancy comes to its end", "Contracts and homes", "CA"),
    "contract_ended": Kind("A tenancy has ended", "Contracts and homes", "CA"),
    "contract_notice": Kind("Notice is given", "Contracts and homes", "CA"),
    "renewal_proposed": Kind("A renewal is proposed", "Contracts and homes", "CA"),
    "property_returned": Kind("A home is on the market again", "Contracts and homes", "A", mails=False),
    "message_reported": Kind("A message was reported", "Messages", "SX", mails=False),
    "report_closed": Kind("What you reported was looked at", "Messages", "CA", mails=False),
    "chat_waiting": Kind("Messages wait for you", "Messages", shows=False, digests=False),
    "verification_submitted": Kind("An agent has sent papers", "Verification", "SX", mails=False),
    "verification_decided": Kind("The office has decided on papers", "Verification", "A"),
    "sender_warned": Kind("The office warns you", "Safety", "CA", is_security=True),
    "password_changed": Kind("The password was changed", "Safety", is_security=True),
    "two_factor_changed": Kind("Two-step sign-in was changed", "Safety", is_security=True),
    "bank_account_changed": Kind("A bank account was changed", "Safety", "A", is_security=True),
    "hook_stopped": Kind("A webhook was switched off", "Safety", "ASX"),
}
