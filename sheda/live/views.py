"""Live news for the admin UI: the same as the API's, opened by the cookie of a page of ours."""

from typing import Any

from flask import jsonify
from flask_appbuilder import expose

from sheda.core import handover
from sheda.core.actor import current_actor
from sheda.core.forms import checked
from sheda.core.views import InnerView, query, waiting_counts
from sheda.live import listening
from sheda.live.api import listen
from sheda.live.schemas import ListenQuery


class LiveView(InnerView):
    """A WebSocket or events for whoever looks at the admin UI, and the figures beside its menu."""

    route_base = "/admin/live"
    default_view = "counts"
    method_permission_name = {"socket": "enter", "events": "enter", "counts": "enter"}

    @expose("/socket")
    def socket(self) -> Any:
        """Open a WebSocket."""
        handover.check_origin()
        handover.check_upgrade()
        return handover.hand_over(listening.for_socket(current_actor(), _asked()))

    @expose("/events")
    def events(self) -> Any:
        """Listen to events."""
        handover.check_origin()
        actor = current_actor()
        return listen(actor, listening.for_events(actor, _asked()))

    @expose("/counts")
    def counts(self) -> Any:
        """Count what waits, by the names of pages."""
        return jsonify(waiting_counts())


def _asked() -> dict[str, Any]:
    sent = {name: value for name, value in query().items() if name in {"after", "after_id"}}
    return checked(ListenQuery, sent)
