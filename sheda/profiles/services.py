"""One's own profile, picture and bank accounts, and the end of it all."""

from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from sheda.accounts import services as accounts
from sheda.accounts.events import UserRegistered
from sheda.accounts.models import User
from sheda.core import clock, files, images
from sheda.core.access import get_visible
from sheda.core.actor import Actor, Role
from sheda.core.banks import bank_name, check_account_number, mask
from sheda.core.db import advisory_lock, db, flush, lock_one, refuse_on
from sheda.core.errors import Conflict, InvalidInput, NotFound
from sheda.core.events import emit
from sheda.core.states import record
from sheda.profiles import verification
from sheda.profiles.events import BankAccountChanged, ExportAsked, ProfileShown, WeekGiven
from sheda.profiles.models import AgentProfile, BankAccount, ClientProfile, Profile

PICTURE_SIZES = {"thumb": images.SIZES["thumb"], "card": images.SIZES["card"]}

KINDS: dict[Role, type[Profile]] = {Role.CLIENT: ClientProfile, Role.AGENT: AgentProfile}
OWN_FIELDS = {
    Role.CLIENT: ("budget", "budget_currency", "preferred_areas"),
    Role.AGENT: ("agency_name", "bio", "licence_number"),
}
ON_PAPER = frozenset({"first_name", "last_name", "agency_name", "licence_number"})
"""What an agent's papers prove: changed, it must be proved again."""

USER_FIELDS = ("first_name", "last_name", "phone", "language")
PRESENT, REMOVED = "present", "removed"


class BankAccountExists(Conflict):
    """Refuse the same account number twice."""

    code = "bank_account_exists"
    detail = "You have added this account already."


refuse_on("uq_bank_accounts_number", BankAccountExists)


# ── Profiles ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def create_profile(event: UserRegistered) -> None:
    """Give somebody who has just registered the profile of his role."""
    now, kind = clock.now(), KINDS.get(event.role, Profile)
    db.session.add(kind(user_id=event.user.id, created_at=now, updated_at=now, **event.details))
    flush()


def profile_of(user_id: int) -> Profile:
    """Return somebody's profile; NotFound when there is no such person."""
    found = db.session.scalars(select(Profile).where(Profile.user_id == user_id)).one_or_none()
    if found is None:
        raise NotFound
    return found


def time_zone_of(user_id: int) -> ZoneInfo:
    """Return the time zone that somebody lives by."""
    return ZoneInfo(profile_of(user_id).time_zone)


def picture_url(profile: Profile, size: str = "thumb") -> str | None:
    """Return the address of a profile's picture, 320 pixels wide as `thumb` or 800 as `card`."""
    if profile.picture_key is None:
        return None
    return files.url(files.rendition_key(profile.picture_key, size))


def show(actor: Actor) -> dict[str, Any]:
    """Return everything that somebody sees of himself, by his role."""
    user, profile = db.session.get_one(User, actor.user_id), profile_of(actor.user_id)
    is_agent = isinstance(profile, AgentProfile)
    facts = {
        "id": user.id,
        "email": user.email,
        "username": user.username,
        "role": actor.role.value.lower(),
        **{name: getattr(user, name) for name in USER_FIELDS},
        "verified": user.verified_at is not None,
        "picture": picture_url(profile),
        "time_zone": profile.time_zone,
        **{name: getattr(profile, name) for name in OWN_FIELDS.get(actor.role, ())},
        **({"rating": profile.rating, "is_verified": profile.verified_at is not None} if is_agent else {}),
        "created_at": profile.created_at,
    }
    emit(ProfileShown(actor, facts))
    return facts


def change(actor: Actor, changes: dict[str, Any]) -> dict[str, Any]:
    """Change what somebody says about himself; InvalidInput for what his role has not, or PhoneTaken."""
    foreign = set(changes) - {*USER_FIELDS, "time_zone", *OWN_FIELDS.get(actor.role, ())}
    if actor.role is Role.AGENT:
        foreign -= {"hours"}
    if foreign:
        role = actor.role.value.lower()
        faults = [{"field": name, "message": f"This is no part of a profile as {role}."} for name in sorted(foreign)]
        raise InvalidInput(errors=faults)
    user, profile = lock_one(User, actor.user_id), profile_of(actor.user_id)
    if "hours" in changes:
        emit(WeekGiven(actor, changes.pop("hours")))
    for name, value in changes.items():
        setattr(user if name in USER_FIELDS else profile, name, value)
    if isinstance(profile, AgentProfile) and profile.verified_at is not None and changes.keys() & ON_PAPER:
        verification.lapse(profile, actor)
    if isinstance(profile, ClientProfile):
        profile.budget_currency = (profile.budget_currency or "NGN") if profile.budget is not None else None
    profile.updated_at = clock.now()
    flush()
    return show(actor)


def set_picture(actor: Actor, data: bytes) -> dict[str, Any]:
    """Take a JPEG, PNG or WebP picture of at most 12 MB in the place of the one before; InvalidInput or TooLarge."""
    images.check_picture(data)
    profile = lock_one(Profile, profile_of(actor.user_id).id)
    _erase_picture(profile)
    profile.picture_key = files.put_renditions(images.render(data, PICTURE_SIZES))
    profile.updated_at = clock.now()
    return show(actor)


def remove_picture(actor: Actor) -> None:
    """Remove somebody's picture; nothing happens when there is none."""
    profile = lock_one(Profile, profile_of(actor.user_id).id)
    _erase_picture(profile)
    profile.updated_at = clock.now()


def close_account(actor: Actor) -> None:
    """Delete somebody's own account: person, profile, picture and bank accounts; what he signed stays, anonymous.

    A room refuses while it needs him: a live contract, an open payment (Conflict).
    """
    accounts.close(actor)
    profile = lock_one(Profile, profile_of(actor.user_id).id)
    _erase_picture(profile)
    verification.forget(actor)
    for name in OWN_FIELDS.get(actor.role, ()):
        setattr(profile, name, None)
    own = update(BankAccount).where(BankAccount.agent_id == actor.id, BankAccount.removed_at.is_(None))
    db.session.execute(own.values(removed_at=clock.now(), is_default=False, account_name="Deleted account"))
    profile.updated_at = clock.now()


def export(actor: Actor) -> dict[str, Any]:
    """Return everything that is kept about somebody, for himself: his profile, and a section of each room."""
    sections: dict[str, Any] = {
        "bank_accounts": [describe_account(one) for one in accounts_of(actor)],
        "papers": verification.export(actor),
    }
    emit(ExportAsked(actor, sections))
    return {"profile": show(actor), **sections}


def _erase_picture(profile: Profile) -> None:
    if profile.picture_key is not None:
        files.delete_after_commit(*(files.rendition_key(profile.picture_key, size) for size in PICTURE_SIZES))
        profile.picture_key = None


# ── Bank accounts ────────────────────────────────────────────────────────────────────────────────────────────────────


def default_bank_account(agent_id: int) -> BankAccount | None:
    """Return the account that an agent is paid on; None when he has none."""
    return db.session.scalars(
        select(BankAccount).where(
            BankAccount.agent_id == agent_id, BankAccount.is_default, BankAccount.removed_at.is_(None)
        )
    ).one_or_none()


def accounts_of(actor: Actor) -> list[BankAccount]:
    """Return an agent's own accounts, the default first."""
    own = select(BankAccount).where(BankAccount.agent_id == actor.id, BankAccount.removed_at.is_(None))
    return list(db.session.scalars(own.order_by(BankAccount.is_default.desc(), BankAccount.id)))


def describe_account(account: BankAccount, *, masked: bool = False) -> dict[str, Any]:
    """Return an account as the API shows it; masked it keeps the last four digits."""
    return {
        "id": account.id,
        "bank_code": account.bank_code,
        "bank_name": bank_name(account.bank_code),
        "account_name": account.account_name,
        "account_number": mask(account.account_number) if masked else account.account_number,
        "is_default": account.is_default,
    }


def add_bank_account(
    actor: Actor, *, bank_code: str, account_number: str, account_name: str, is_default: bool = False
) -> BankAccount:
    """Add an account; the first one is the default. Raises InvalidInput for its number, or BankAccountExists."""
    _check_number(bank_code, account_number)
    hold_bank_accounts(actor)
    is_first = not accounts_of(actor)
    if is_default:
        _clear_default(actor)
    account = BankAccount(
        agent_id=actor.user_id,
        bank_code=bank_code,
        account_number=account_number,
        account_name=account_name,
        is_default=is_default or is_first,
        created_at=clock.now(),
    )
    db.session.add(account)
    flush()
    _tell(actor, account, "added", before=None)
    return account


def hold_bank_accounts(actor: Actor) -> None:
    """Lock one's bank accounts: what makes one the default changes another."""
    advisory_lock(("bank_accounts", actor.user_id))


def change_bank_account(actor: Actor, account_id: int, changes: dict[str, Any]) -> BankAccount:
    """Change an account; payments that were opened on it keep the copy they showed.

    Raises NotFound, InvalidInput for its number or for a default taken away, or BankAccountExists.
    """
    hold_bank_accounts(actor)
    account = lock_one(BankAccount, get_visible(actor, BankAccount, account_id).id)
    if changes.get("is_default") is False and account.is_default:
        raise InvalidInput.on("is_default", "Make another account the default one instead.")
    changed = {name: value for name, value in changes.items() if getattr(account, name) != value}
    if not changed:
        return account
    bank_code, number = changed.get("bank_code", account.bank_code), changed.get("account_number")
    _check_number(bank_code, number or account.account_number)
    if changed.get("is_default"):
        _clear_default(actor)
    for name, value in changed.items():
        setattr(account, name, value)
    flush()
    _tell(actor, account, "changed", before=PRESENT)
    return account


def remove_bank_account(actor: Actor, account_id: int) -> None:
    """Remove an account; of those left the latest becomes the default. Raises NotFound."""
    hold_bank_accounts(actor)
    account = lock_one(BankAccount, get_visible(actor, BankAccount, account_id).id)
    was_default, account.is_default, account.removed_at = account.is_default, False, clock.now()
    flush()
    left = accounts_of(actor)
    if was_default and left:
        left[-1].is_default = True
    _tell(actor, account, "removed", before=PRESENT)


def _check_number(bank_code: str, number: str) -> None:
    try:
        check_account_number(bank_code, number)
    except ValueError as fault:
        raise InvalidInput.on("account_number", str(fault)) from fault


def _clear_default(actor: Actor) -> None:
    for account in accounts_of(actor):
        account.is_default = False
    flush()


def _tell(actor: Actor, account: BankAccount, what: str, *, before: str | None) -> None:
    after = REMOVED if account.removed_at is not None else PRESENT
    details = {"bank": bank_name(account.bank_code), "account_number": mask(account.account_number)}
    record(actor, account, what, before, after, details=details)
    emit(BankAccountChanged(account, what))
