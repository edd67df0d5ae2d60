"""An agent's bank accounts in the admin UI."""

from typing import Any

from sqlalchemy import ColumnElement

from sheda.core import widgets
from sheda.core.actor import Actor
from sheda.core.banks import BANKS, bank_name
from sheda.core.forms import checked
from sheda.core.generated import RoomView
from sheda.core.lists import Empty, RoomInterface
from sheda.profiles import services
from sheda.profiles.models import BankAccount
from sheda.profiles.schemas import BankAccountChange, BankAccountIn


class BankAccountView(RoomView):
    """The accounts that clients pay into; they are shown only to someone who is about to pay."""

    datamodel = RoomInterface(BankAccount)
    class_permission_name = "BankAccount"
    route_base = "/admin/bank-accounts"
    method_permission_name = {**RoomView.method_permission_name, "show": "list"}
    nouns = ("bank account", "bank accounts")
    icon = "bank"
    tells_history = True
    list_columns = ["bank_code", "account_number", "account_name", "is_default"]
    show_columns = add_columns = edit_columns = list_columns
    base_order = ("id", "asc")
    choices = {"bank_code": tuple(sorted(BANKS.items(), key=lambda bank: bank[1]))}
    label_columns = {
        "bank_code": "Bank",
        "account_number": "Account number",
        "account_name": "Name on it",
        "is_default": "Clients pay into this one",
    }
    description_columns = {"account_number": "Ten digits (NUBAN); the last one checks the others."}
    cells = {
        "bank_code": lambda row: bank_name(row.bank_code),
        "account_number": lambda row: widgets.reference(row.account_number),
    }
    empty = Empty(
        "No bank account yet",
        "Clients cannot pay you until there is one. You are told by mail whenever it changes.",
        "/admin/bank-accounts/add",
        "Add an account",
    )

    def narrow(self, _actor: Actor) -> ColumnElement[bool]:
        """Leave out accounts that were removed."""
        return BankAccount.removed_at.is_(None)

    def title_of(self, row: BankAccount) -> str:
        """Name an account by its bank and last four digits."""
        return f"{bank_name(row.bank_code)} ••••{row.account_number[-4:]}"

    def create(self, actor: Actor, values: dict[str, Any]) -> BankAccount:
        """Add an account."""
        return services.add_bank_account(actor, **checked(BankAccountIn, values))

    def update(self, actor: Actor, row: BankAccount, values: dict[str, Any]) -> BankAccount:
        """Change an account; payments that were opened on it keep the copy they showed."""
        return services.change_bank_account(actor, row.id, checked(BankAccountChange, values))

    def remove(self, actor: Actor, row: BankAccount) -> None:
        """Remove an account."""
        services.remove_bank_account(actor, row.id)
