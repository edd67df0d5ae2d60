"""Roles are what the table says: exact pairs, nothing else, nothing unknown."""

from typing import Any

import pytest
from flask import Flask
from flask_appbuilder.security.sqla.models import PermissionView, Role, assoc_permissionview_role
from sqlalchemy import insert, select

from sheda.core import roles, sync


def stored(session: Any) -> dict[str, set[tuple[str, str]]]:
    return {
        role.name: {(pair.permission.name, pair.view_menu.name) for pair in role.permissions}
        for role in session.scalars(select(Role)).unique()
    }


class TestSyncRoles:
    def test_each_role_has_exactly_its_pairs(self, app: Flask, db_session: Any) -> None:
        assert stored(db_session) == {role.value: roles.pairs_of(role) for role in roles.ROLES}

    def test_a_second_run_changes_nothing(self, app: Flask, db_session: Any) -> None:
        assert sync.sync_roles(app.appbuilder) == {"added": 0, "removed": 0}  # type: ignore[attr-defined]

    def test_what_somebody_added_is_removed(self, app: Flask, db_session: Any) -> None:
        public = db_session.scalar(select(Role.id).where(Role.name == "Public"))
        taken = select(assoc_permissionview_role.c.permission_view_id).where(
            assoc_permissionview_role.c.role_id == public
        )
        pair = db_session.scalar(select(PermissionView.id).where(PermissionView.id.not_in(taken)).limit(1))
        db_session.execute(insert(assoc_permissionview_role).values(role_id=public, permission_view_id=pair))
        assert sync.sync_roles(app.appbuilder)["removed"] == 1  # type: ignore[attr-defined]
        assert stored(db_session)["Public"] == roles.pairs_of(roles.Role.PUBLIC)

    def test_a_route_without_a_grant_stops_it(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(roles.GRANTS, "Health", {})
        with pytest.raises(sync.UnknownGrant, match="can_read"):
            sync.check_names(app.appbuilder)  # type: ignore[attr-defined]

    def test_a_grant_without_a_route_stops_it(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(roles.GRANTS, "Health", {"read": "P", "heal": "X"})
        with pytest.raises(sync.UnknownGrant, match="can_heal"):
            sync.check_names(app.appbuilder)  # type: ignore[attr-defined]
