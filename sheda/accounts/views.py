"""The door of the admin UI, and what staff do about people and read about roles."""

from typing import Any

from markupsafe import Markup
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import selectinload

from sheda.accounts import enrolment, services
from sheda.accounts.access import may_answer_for
from sheda.accounts.models import Role, User, assoc_user_role
from sheda.accounts.security import cookie_marks
from sheda.accounts.states import ACTS
from sheda.core import widgets
from sheda.core.actor import Actor
from sheda.core.actor import Role as ActorRole
from sheda.core.db import db, in_transaction
from sheda.core.door import DoorView
from sheda.core.generated import RoomView
from sheda.core.lists import RoomInterface
from sheda.core.roles import granted, pairs_of
from sheda.core.states import Move

STATE_WORDS = {"active": "Active", "inactive": "Deactivated", "deleted": "Deleted"}
STATE_TONES = {"active": "good", "inactive": "bad", "deleted": "off"}


class SignIn(DoorView):
    """The door: agents, staff and admins enter; clients are told to use the app."""

    def admit(self, identifier: str, password: str, *, address: str) -> tuple[Any, dict[str, Any]]:
        """Return the user who may enter and the marks of his cookie; a Refusal for everybody else."""
        user, family_id = in_transaction(lambda: services.enter(identifier, password, address=address))
        return user, cookie_marks(user, family_id)

    def admit_by_code(self, challenge: str, code: str, *, address: str) -> tuple[Any, dict[str, Any]]:
        """Return the user whose second step this is, and the marks of his cookie; a Refusal for a wrong code."""
        user, family_id = in_transaction(lambda: services.enter_by_code(challenge, code, address=address))
        return user, cookie_marks(user, family_id)

    def dismiss(self, actor: Actor) -> None:
        """End the session."""
        services.leave(actor)


def _with_role(role: ActorRole) -> ColumnElement[bool]:
    found: ColumnElement[bool] = User.roles.any(Role.name == role.value)
    return found


def _sessions(row: User) -> Any:
    number, last = enrolment.activity_of(row.id)
    if not number:
        return "Nowhere"
    places = "on one device" if number == 1 else f"on {number} devices"
    return widgets.joined(places, Markup("last active {}").format(widgets.moment(last)))


class UserView(RoomView):
    """People: who they are, when they were last here, and what staff may do about them."""

    datamodel = RoomInterface(User)
    class_permission_name = "User"
    route_base = "/admin/users"
    nouns = ("person", "people")
    icon = "people"
    tells_history = True
    moves = {
        "unlock": services.unlock,
        "sign_out": services.sign_out,
        "deactivate": services.deactivate,
        "reactivate": services.reactivate,
        "reset_totp": enrolment.reset,
    }
    done = {
        "unlock": "Failed sign-ins are forgotten.",
        "sign_out": "Signed out everywhere.",
        "deactivate": "Deactivated, and signed out everywhere.",
        "reactivate": "Reactivated.",
        "reset_totp": "Two-step sign-in is reset; they are told by mail.",
    }
    list_columns = ["name", "email", "phone", "role", "active", "last_login"]
    show_columns = [
        "name",
        "email",
        "username",
        "phone",
        "role",
        "active",
        "verified_at",
        "created_on",
        "last_login",
        "login_count",
        "sessions",
        "totp_since",
    ]
    order_columns = ["email", "last_login"]
    base_order = ("id", "desc")
    search_columns = ["active", "email"]
    find_columns = (User.first_name, User.last_name, User.email, User.phone)
    find_label = "Name, e-mail or phone"
    label_columns = {
        "active": "State",
        "verified_at": "Address proved",
        "created_on": "Joined",
        "last_login": "Last here",
        "login_count": "Sign-ins",
        "username": "User name",
        "sessions": "Signed in",
        "totp_since": "Two-step sign-in",
    }
    looks = {"phone": "s-p3", "last_login": "s-p2", "role": "s-p2"}
    list_options = (selectinload(User.roles),)
    list_buttons = 0
    tabs = {
        "all": ("All", lambda _actor: None),
        "agents": ("Agents", lambda _actor: _with_role(ActorRole.AGENT)),
        "clients": ("Clients", lambda _actor: _with_role(ActorRole.CLIENT)),
        "office": ("Staff", lambda _actor: _with_role(ActorRole.STAFF) | _with_role(ActorRole.ADMIN)),
        "off": ("Deactivated", lambda _actor: ~User.active),
    }
    cells = {
        "name": lambda row: row.get_full_name().strip() or row.username,
        "phone": lambda row: widgets.phone(row.phone),
        "role": lambda row: ", ".join(role.name for role in row.roles),
        "active": lambda row: widgets.badge(
            services.state_of(row), STATE_WORDS, tone=STATE_TONES[services.state_of(row)]
        ),
        "created_on": lambda row: widgets.utc_moment(row.created_on),
        "last_login": lambda row: widgets.utc_moment(row.last_login),
        "sessions": _sessions,
        "totp_since": lambda row: widgets.joined("since", widgets.moment(row.totp_since)) if row.totp_since else "Off",
    }

    def links(self, actor: Actor, row: User) -> list[widgets.Link]:
        """Lead from an agent to his papers."""
        is_agent = any(role.name == ActorRole.AGENT.value for role in row.roles)
        may = is_agent and granted(actor.role, "read", "Verification")
        return [widgets.Link("Verification", f"/admin/verifications/of/{row.id}", "check")] if may else []

    def title_of(self, row: User) -> str:
        """Name a person."""
        return row.get_full_name().strip() or str(row.username)

    def rule(self, name: str) -> Move | None:
        """Return what an act is."""
        return ACTS.get(name)

    def possible(self, actor: Actor, row: User) -> list[Move]:
        """Return the acts that fit the account's state, for those who may answer for it."""
        if not may_answer_for(actor, row):
            return []
        acts = [act for act in ACTS.values() if services.state_of(row) in act.source]
        return acts if row.totp_since is not None else [act for act in acts if act.name != "reset_totp"]


class RoleView(RoomView):
    """The roles and what each may do, as the table of grants says; they change with the programme."""

    datamodel = RoomInterface(Role)
    class_permission_name = "Role"
    route_base = "/admin/roles"
    nouns = ("role", "roles")
    icon = "lock"
    list_columns = ["name", "people", "grants"]
    show_columns = ["name", "people", "may"]
    base_order = ("name", "asc")
    looks = {"people": "s-num", "grants": "s-num"}
    label_columns = {"grants": "Rights", "may": "May"}
    cells = {
        "people": lambda row: _people(row.id),
        "grants": lambda row: len(_grants(row.name)),
        "may": lambda row: "\n".join(_grants(row.name)),
    }

    def title_of(self, row: Role) -> str:
        """Name a role."""
        return str(row.name)

    def narrow(self, _actor: Actor) -> ColumnElement[bool]:
        """Show the roles of the table of grants."""
        ours: ColumnElement[bool] = Role.name.in_([role.value for role in ActorRole if role is not ActorRole.SYSTEM])
        return ours


def _people(role_id: int) -> int:
    held = select(func.count()).select_from(assoc_user_role).where(assoc_user_role.c.role_id == role_id)
    return db.session.scalar(held) or 0


def _grants(role_name: str) -> list[str]:
    pairs = sorted((view, permission.removeprefix("can_")) for permission, view in pairs_of(ActorRole(role_name)))
    return [f"{widgets.plain(view)}: {action.replace('_', ' ')}" for view, action in pairs]
