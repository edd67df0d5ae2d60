"""One's own account: profile, password, picture, bank accounts, papers, and everything that is kept."""

import json
from typing import Any

from werkzeug.datastructures import FileStorage

from sheda.accounts import services as accounts
from sheda.core.access import RowScopedInterface, get_visible, select_visible
from sheda.core.actor import Actor, current_actor
from sheda.core.api import Answer, RoomApi, ServiceApi, endpoint
from sheda.core.attachments import MAX_BYTES
from sheda.core.errors import InvalidInput
from sheda.core.paging import Key, Page, PageQuery, page_of
from sheda.profiles import services, verification
from sheda.profiles.models import BankAccount
from sheda.profiles.schemas import (
    BankAccountChange,
    BankAccountIn,
    BankAccountOut,
    MeChange,
    MeOut,
    PasswordChange,
    TokenOut,
    VerificationOut,
)


class MeApi(ServiceApi):
    """Whoever is signed in, as he sees himself."""

    resource_name = "users/me"
    class_permission_name = "Me"

    def representation(self, actor: Actor, *_ids: int) -> dict[str, Any]:
        """Return what GET answers."""
        return services.show(actor)

    @endpoint("GET", "/", may="read", answer=MeOut, etag=True)
    def show_me(self, actor: Actor) -> dict[str, Any]:
        """Read one's own account and profile."""
        return services.show(actor)

    @endpoint("PATCH", "/", may="update", body=MeChange, answer=MeOut, etag=True)
    def change_me(self, actor: Actor, body: dict[str, Any]) -> dict[str, Any]:
        """Change one's own profile. Agents and clients have fields of their own; others' are 422."""
        return services.change(actor, body)

    @endpoint("DELETE", "/", may="delete", status=204, etag=True)
    def close_account(self, actor: Actor) -> None:
        """Delete one's account: it becomes anonymous, contracts stay. 409 while one is live or a payment is open."""
        services.close_account(actor)

    @endpoint("POST", "/password", may="password", body=PasswordChange, answer=TokenOut, flat=True)
    def change_password(self, actor: Actor, body: dict[str, Any]) -> dict[str, Any]:
        """Change the password. Every other session ends; the answer has the tokens of a new one."""
        return accounts.change_password(actor, body["current_password"], body["new_password"])

    @endpoint("PUT", "/picture", may="picture", upload="file", answer=MeOut)
    def set_picture(self, actor: Actor, files: list[FileStorage]) -> dict[str, Any]:
        """Send a picture of oneself: JPEG, PNG or WebP, at most 12 MB and 50 megapixels."""
        if len(files) > 1:
            raise InvalidInput.on("file", "Send one picture.")
        return services.set_picture(actor, files[0].stream.read())

    @endpoint("DELETE", "/picture", may="picture", status=204)
    def remove_picture(self, actor: Actor) -> None:
        """Remove one's picture."""
        services.remove_picture(actor)

    @endpoint("GET", "/export", may="export")
    def export(self, actor: Actor) -> Answer:
        """Read everything that Sheda keeps about oneself, as one JSON file."""
        sections = services.export(actor)
        body = {"id": actor.id, "result": {**sections, "profile": MeOut().dump(sections["profile"])}}
        return Answer(json.dumps(body), headers={"Content-Disposition": 'attachment; filename="sheda-export.json"'})


class BankAccountApi(RoomApi):
    """An agent's own bank accounts."""

    resource_name = "users/me/bank-accounts"
    class_permission_name = "BankAccount"
    datamodel = RowScopedInterface(BankAccount)
    list_columns = ["id", "bank_code", "account_name", "account_number", "is_default"]
    search_columns = ["bank_code", "account_name", "is_default"]
    order_columns = ["id"]

    @endpoint("GET", "/", may="list", query=PageQuery, answer=BankAccountOut, lists=True)
    def list_accounts(self, actor: Actor, query: dict[str, Any]) -> Page:
        """List one's own bank accounts, in full, oldest first."""
        page = page_of(select_visible(actor, BankAccount), [Key(BankAccount.id, "id", descending=False)], **query)
        rows = [services.describe_account(account) for account in page.rows]
        return Page(rows, page.next_cursor, page.count, page.count_is_exact)

    @endpoint("POST", "/", may="create", body=BankAccountIn, answer=BankAccountOut, status=201, idempotent=True)
    def add_account(self, actor: Actor, body: dict[str, Any]) -> dict[str, Any]:
        """Add a bank account. The first one is the default. The owner is told by mail."""
        return services.describe_account(services.add_bank_account(actor, **body))

    def representation(self, actor: Actor, *ids: int) -> dict[str, Any]:
        """Return the account as changing it answers."""
        return services.describe_account(get_visible(actor, BankAccount, ids[0]))

    def lock_subject(self, _model: type[Any], _row_id: int) -> None:
        """Lock one's accounts together, as changing them does."""
        services.hold_bank_accounts(current_actor())

    @endpoint(
        "PATCH", "/<pk>", may="update", subject=BankAccount, body=BankAccountChange, answer=BankAccountOut, etag=True
    )
    def change_account(self, actor: Actor, account_id: int, body: dict[str, Any]) -> dict[str, Any]:
        """Change a bank account, or make it the default. The owner is told by mail."""
        return services.describe_account(services.change_bank_account(actor, account_id, body))

    @endpoint("DELETE", "/<pk>", may="delete", subject=BankAccount, answer=BankAccountOut, status=204, etag=True)
    def remove_account(self, actor: Actor, account_id: int) -> None:
        """Remove a bank account. The owner is told by mail."""
        services.remove_bank_account(actor, account_id)


class VerificationApi(ServiceApi):
    """Whether the office has seen who an agent is."""

    resource_name = "users/me/verification"
    class_permission_name = "MyVerification"

    @endpoint("GET", "/", may="read", answer=VerificationOut)
    def show(self, actor: Actor) -> dict[str, Any]:
        """Read where one stands: the state, why it is so, the papers, and what is missing."""
        return verification.show(actor)

    @endpoint("PUT", "/documents/<kind>", may="update", upload="file", words=True, answer=VerificationOut)
    def put(self, actor: Actor, kind: str, *, files: list[FileStorage]) -> dict[str, Any]:
        """Send a paper, `identity`, `registration` or `licence`, in the place of the one before: picture or PDF, 10 MB.

        409 `papers_locked` while papers are with the office or approved.
        """
        if len(files) > 1:
            raise InvalidInput.on("file", "Send one file at a time.")
        return verification.put_document(actor, kind, files[0].stream.read(MAX_BYTES + 1))

    @endpoint("DELETE", "/documents/<kind>", may="update", words=True, answer=VerificationOut)
    def remove(self, actor: Actor, kind: str) -> dict[str, Any]:
        """Remove a paper; 409 `papers_locked` as for sending one."""
        return verification.remove_document(actor, kind)

    @endpoint("GET", "/documents/<kind>", may="read", words=True, produces="application/octet-stream")
    def download(self, actor: Actor, kind: str) -> Answer:
        """Read one's own paper back. Every reading of a paper is written down, one's own too."""
        paper, data = verification.read_own(actor, kind)
        headers = {
            "Content-Disposition": f'attachment; filename="{kind}.{paper.key.rpartition(".")[2]}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        }
        return Answer(data, headers=headers, content_type=paper.content_type)

    @endpoint("POST", "/submit", may="submit", answer=VerificationOut)
    def submit(self, actor: Actor) -> dict[str, Any]:
        """Send the papers in; 422 names what is missing."""
        return verification.submit(actor)

    @endpoint("POST", "/withdraw", may="submit", answer=VerificationOut)
    def withdraw(self, actor: Actor) -> dict[str, Any]:
        """Take the papers back while nobody has decided."""
        return verification.withdraw(actor)
