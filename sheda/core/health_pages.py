"""The page on which staff see how Sheda itself is."""

from datetime import timedelta
from typing import Any

from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from sqlalchemy import select

from sheda.core import clock, condition, widgets
from sheda.core.actor import current_actor
from sheda.core.db import db
from sheda.core.generated import pages_of
from sheda.core.jobs import JobRun
from sheda.core.views import DeskView

SHOWN = 10


class HealthView(DeskView):
    """Each part that Sheda stands on, and the jobs that failed."""

    route_base = "/admin/health"
    class_permission_name = "SystemHealth"
    default_view = "show"
    method_permission_name = {"show": "read"}

    @expose("/")
    @has_access
    def show(self) -> Any:
        """Show how each part is, what to do, and what failed within a week."""
        actor, jobs, since = current_actor(), pages_of(JobRun), clock.now() - timedelta(days=7)
        failed = db.session.scalars(
            select(JobRun).where(JobRun.started_at > since, JobRun.has_failed()).order_by(JobRun.id.desc()).limit(SHOWN)
        )
        found = condition.findings()
        page = {
            "findings": found,
            "note": _note(found),
            "jobs": [
                {
                    "title": jobs.title_of(run),
                    "href": jobs.href_of(run),
                    "when": widgets.moment(run.started_at),
                    "why": run.error or f"{run.tally.get('failed', 0)} rows failed",
                    "buttons": jobs.buttons(actor, run),
                }
                for run in failed
            ],
        }
        return self.render_template("admin/health.html", title="Health", page=page)


def _note(found: list[condition.Finding]) -> str:
    wrong = [one for one in found if one.state == condition.BAD]
    if wrong:
        return f"{', '.join(one.part for one in wrong)}: not well. What to do stands beside."
    return "Everything that Sheda stands on is well."
