"""One deal in the making, for tests of what its people are told."""

from datetime import timedelta
from typing import Any

from sheda.appointments.models import Appointment
from sheda.core import clock
from sheda.core.actor import Role
from tests.factories import (
    actor_of,
    make_appointment,
    make_bank_account,
    make_contract,
    make_payment,
    make_property,
    make_user,
)


class Deal:
    """One home, its agent, one client, and what both and the office were told."""

    def __init__(self) -> None:
        self.agent_user, self.client_user, self.staff_user = make_user(Role.AGENT), make_user(), make_user(Role.STAFF)
        make_bank_account(self.agent_user)
        self.home = make_property(self.agent_user)
        self.agent, self.client, self.staff = map(actor_of, (self.agent_user, self.client_user, self.staff_user))

    def viewing(self, **over: Any) -> Appointment:
        return make_appointment(self.home, self.client_user, **over)

    def payment(self, **over: Any) -> Any:
        seen = self.viewing(status="completed", starts_at=clock.now() - timedelta(days=1))
        return make_payment(seen, **over)

    def contract(self) -> Any:
        return make_contract(self.payment(status="accepted"))
