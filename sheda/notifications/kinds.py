"""Every kind of notice, on one screen; each has its mail in `templates/mail/<kind>.txt|.html`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of notice: its name for people, whether its mail can be switched off, and whether it has one at all."""

    label: str
    is_security: bool = False
    mails: bool = True


KINDS: dict[str, Kind] = {
    "appointment_booked": Kind("A viewing is asked for"),
    "appointment_moved": Kind("A viewing is moved"),
    "appointment_confirmed": Kind("A viewing is confirmed"),
    "appointment_rejected": Kind("A viewing is declined"),
    "appointment_canceled": Kind("A viewing is cancelled"),
    "appointment_expired": Kind("A request lapses"),
    "appointment_reminder": Kind("A viewing is near"),
    "payment_initiated": Kind("Account details were shown"),
    "payment_declared": Kind("A payment was made"),
    "payment_decision_due": Kind("A payment waits for a decision"),
    "payment_accepted": Kind("A payment is confirmed"),
    "payment_declined": Kind("A payment is not confirmed"),
    "payment_canceled": Kind("A payment is called off", mails=False),
    "payment_superseded": Kind("A home went to somebody else"),
    "payment_escalated": Kind("A payment needs the office"),
    "contract_ending": Kind("A tenancy comes to its end"),
    "contract_ended": Kind("A tenancy has ended"),
    "contract_notice": Kind("Notice is given"),
    "renewal_proposed": Kind("A renewal is proposed"),
    "property_returned": Kind("A home is on the market again", mails=False),
    "password_changed": Kind("The password was changed", is_security=True),
    "two_factor_changed": Kind("Two-step sign-in was changed", is_security=True),
    "bank_account_changed": Kind("A bank account was changed", is_security=True),
}
