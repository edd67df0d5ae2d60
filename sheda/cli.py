"""The commands of `flask sheda`."""

import json
import sys
from datetime import date, datetime, time

import click
from flask import current_app
from flask.cli import AppGroup

from sheda.core import clock
from sheda.core.db import db, in_transaction
from sheda.core.errors import Refusal

commands = AppGroup("sheda", help="Sheda's own commands.")


@commands.command("sync-roles")
def sync_roles() -> None:
    """Make the stored roles exactly what core/roles.py says."""
    from sheda.core.sync import UnknownGrant
    from sheda.core.sync import sync_roles as sync

    try:
        changed = in_transaction(lambda: sync(current_app.appbuilder))  # type: ignore[attr-defined]
    except UnknownGrant as fault:
        raise click.ClickException(str(fault)) from fault
    click.echo(f"roles: {changed['added']} added, {changed['removed']} removed")


@commands.command("create-admin")
@click.option("--email", required=True)
@click.option("--role", type=click.Choice(["staff", "admin"]), default="admin", show_default=True)
def create_admin(email: str, role: str) -> None:
    """Make a staff member or an admin; the password is asked for, or read from standard input."""
    from sheda.accounts.services import create_colleague

    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    try:
        user = in_transaction(lambda: create_colleague(email, password, role=role))
    except Refusal as refusal:
        details = "; ".join(f"{one['field']}: {one['message']}" for one in refusal.errors)
        raise click.ClickException(details or refusal.detail) from refusal
    click.echo(f"{role} {user.email} can sign in at {current_app.config['PUBLIC_URL']}/login/")


@commands.command("reseal")
def reseal() -> None:
    """Seal again, under the present SECRET_KEY, what is still sealed under one of SECRET_KEY_FALLBACKS."""
    from sheda.accounts.factors import reseal_all

    click.echo(f"{in_transaction(reseal_all)} secrets sealed anew")


@commands.command("demo")
@click.option("--size", type=click.Choice(["none", "s", "m", "l", "xl"]), default="s", show_default=True)
@click.option("--seed", type=int, default=42, show_default=True)
def demo(size: str, seed: int) -> None:
    """Load demo data; without listings (`none`) only the four accounts, when SHEDA_DEMO_PASSWORD is set."""
    from sheda.demo.load import load_demo

    load_demo(size=size, seed=seed, password=current_app.config["DEMO_PASSWORD"])


@commands.command("expire")
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="Run the daily job as of this day.")
def expire(today: datetime | None) -> None:
    """End what has expired, now or as of a day."""
    from sheda.contracts.jobs import expire_due

    with clock.travel(_moment_of(today.date()) if today else clock.now()):
        click.echo(json.dumps(expire_due()))


@commands.command("tick")
@click.option("--now", "moment", help="Run every sweep as of this moment, such as 2027-03-01T09:00+01:00.")
def tick(moment: str | None) -> None:
    """Run every sweep that is due, now or as of a moment."""
    from sheda.rooms import JOBS

    try:
        at = datetime.fromisoformat(moment) if moment else clock.now()
        with clock.travel(at):
            for job in JOBS:
                click.echo(f"{job.name}: {json.dumps(job())}")
    except ValueError as fault:
        raise click.BadParameter("write a moment such as 2027-03-01T09:00+01:00", param_hint="--now") from fault


@commands.command("check")
def check() -> None:
    """Look for broken invariants: a line each, exit code 1 when any returns a row."""
    from sheda.check import broken_invariants

    broken = broken_invariants(db.session())
    for name, rows in broken.items():
        click.echo(f"{'BROKEN' if rows else 'ok':<7} {name}" + (f": {[tuple(row) for row in rows]}" if rows else ""))
    if any(broken.values()):
        sys.exit(1)


def _moment_of(day: date) -> datetime:
    return datetime.combine(day, time(12), clock.LAGOS)
