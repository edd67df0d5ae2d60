"""Write the table of grants into Flask-AppBuilder's roles: exact pairs, the rest removed, unknown names refused."""

from typing import Any

from flask_appbuilder.security.sqla.models import Permission, PermissionView, Role, ViewMenu, assoc_permissionview_role
from sqlalchemy import delete, insert, select

from sheda.core.db import db
from sheda.core.roles import GRANTS, ROLES, pairs_of


class UnknownGrant(Exception):
    """Stop: the table of grants and the registered routes name different things."""


def check_names(appbuilder: Any) -> None:
    """Raise UnknownGrant for a grant without a route, or a route without a grant."""
    routed = {
        (permission, view.class_permission_name)
        for view in appbuilder.baseviews
        for permission in view.base_permissions or ()
        if view.class_permission_name in GRANTS
    }
    granted = {(f"can_{action}", resource) for resource, actions in GRANTS.items() for action in actions}
    if routed != granted:
        missing, uncovered = sorted(granted - routed), sorted(routed - granted)
        raise UnknownGrant(f"grants without a route: {missing}; routes without a grant: {uncovered}")


def sync_roles(appbuilder: Any) -> dict[str, int]:
    """Make the stored roles exactly what the table says; counts of rows added and removed, both 0 the second time."""
    check_names(appbuilder)
    wanted = {role.value: pairs_of(role) for role in ROLES}
    changed = {"added": 0, "removed": 0}
    roles = {role.name: role.id for role in db.session.scalars(select(Role))}
    for name in wanted:
        if name not in roles:
            roles[name] = db.session.scalar(insert(Role).values(name=name).returning(Role.id)) or 0
            changed["added"] += 1
    everything = {pair for pairs in wanted.values() for pair in pairs}
    permissions = _named(Permission, {permission for permission, _ in everything})
    views = _named(ViewMenu, {view for _, view in everything})
    stored = {
        (pair.permission_id, pair.view_menu_id): pair.id for pair in db.session.scalars(select(PermissionView)).unique()
    }
    for permission, view in sorted(everything):
        key = (permissions[permission], views[view])
        if key not in stored:
            stored[key] = db.session.scalar(
                insert(PermissionView).values(permission_id=key[0], view_menu_id=key[1]).returning(PermissionView.id)
            ) or 0  # fmt: skip
    links = {
        (roles[name], stored[(permissions[permission], views[view])])
        for name, pairs in wanted.items()
        for permission, view in pairs
    }
    table = assoc_permissionview_role
    present = {(row.role_id, row.permission_view_id) for row in db.session.execute(select(table))}
    for role_id, pair_id in links - present:
        db.session.execute(insert(table).values(role_id=role_id, permission_view_id=pair_id))
    for role_id, pair_id in present - links:
        db.session.execute(delete(table).where(table.c.role_id == role_id, table.c.permission_view_id == pair_id))
    changed["added"] += len(links - present)
    changed["removed"] += len(present - links)
    appbuilder.sm.forget_grants()
    return changed


def _named(model: Any, names: set[str]) -> dict[str, int]:
    found = {row.name: row.id for row in db.session.scalars(select(model))}
    for name in sorted(names - set(found)):
        found[name] = db.session.scalar(insert(model).values(name=name).returning(model.id))
    return found
