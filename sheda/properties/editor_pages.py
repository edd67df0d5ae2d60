"""The pages on which a listing is written: the editor with and without its script, photos, places, preview and copy."""

import json
from functools import partial
from typing import Any

from flask import Response, current_app, flash, jsonify, redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from marshmallow import Schema

from sheda.core import clock, widgets
from sheda.core.actor import Actor, current_actor
from sheda.core.db import in_transaction
from sheda.core.errors import InvalidInput, Refusal
from sheda.core.forms import RowField, checked
from sheda.core.generated import RoomView
from sheda.core.money import SYMBOLS
from sheda.core.moves import put_faults
from sheda.core.views import (
    header,
    is_post,
    is_quiet,
    perform,
    query,
    require,
    row_id,
    sent,
    sent_all,
    uploaded,
    way_back,
)
from sheda.properties import cards, drafts, editor, images, places, readiness, services
from sheda.properties.models import Property
from sheda.properties.words import FLAG_WORDS, WORDS

Faults = list[dict[str, str]]

DIGITS_OF_PLACE = 2
"""Of the place that a dragged photo is sent to."""


def pressing_state(row: Property) -> str:
    """Return the more pressing of a listing's two states."""
    if row.listing_state != "published":
        return row.listing_state
    return "under_offer" if row.is_under_offer else row.status


class ListingEditor(RoomView):
    """The editor: a draft is kept as it grows, what clients read changes when its agent says so."""

    terms: type[Schema]
    draft_terms: type[Schema]
    """The schemas that the API uses, for what clients read and for what may still lack something."""

    image_terms: type[Schema]
    """The same for what is changed about a photo."""

    method_permission_name = {
        **RoomView.method_permission_name,
        "preview": "read",
        "duplicate": "create",
        "photos": "read",
        "where": "list",
    }

    def own_routes(self) -> tuple[str, ...]:
        """Add the editor's."""
        photos = ("photos", "add_photos", "change_photo", "describe_photos")
        return ("add", "edit", *photos, "preview", "duplicate", "where")

    def title_of(self, row: Property) -> str:
        """Name a listing by its title; a draft may have none yet."""
        return row.title or "Untitled listing"

    @expose("/add", methods=["GET", "POST"])
    @has_access
    def add(self) -> Any:
        """Show the editor with nothing in it, or begin a listing as a draft."""
        return self._write(None)

    @expose("/edit/<pk>", methods=["GET", "POST"])
    @has_access
    def edit(self, pk: str) -> Any:
        """Show the editor, or write what differs."""
        row = self.row(pk)
        if row.listing_state == "archived":
            flash("This listing is archived. Duplicate it to offer the home again.", "warning")
            return redirect(self.href_of(row))
        return self._write(row)

    # ── Writing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _write(self, row: Property | None) -> Any:
        form = editor.form_for(row, self._agent_field(row), is_sent=is_post())
        if not is_post():
            lacking = readiness.lacks(row) if row is not None and query().get("ask") == "publish" else []
            if lacking:
                put_faults(form, InvalidInput(errors=_named(lacking)))
            return self._page(form, row)
        faults: Faults = []
        if not form.settle():
            faults = [{"field": field, "message": str(one)} for field, found in form.errors.items() for one in found]
            # A draft is kept in part for its page's script, which is told what was left out.
            if is_quiet() and row is not None and row.listing_state != "draft":
                raise InvalidInput(errors=faults)
            if not is_quiet():
                return self._page(form, row)
        try:
            number = self._keep(form, row, faults)
            faults += self._finish(number, faults)
        except Refusal as refusal:
            if is_quiet() or refusal.status in {403, 404}:
                raise
            put_faults(form, refusal)
            return self._page(form, self.row(str(row.id)) if row else None)
        return self._told(number, faults) if is_quiet() else self._led(number, faults)

    def _agent_field(self, row: Property | None) -> RowField | None:
        """Return the field in which the office names whose a new listing is."""
        if row is not None or not current_actor().is_office:
            return None
        address = {"data-options": f"{self.route_base}/options/agent_id"}
        return RowField("Agent", offer=self.offers["agent_id"], render_kw=address)

    def _keep(self, form: Any, row: Property | None, faults: Faults) -> int:
        """Write what a form says and return the listing's id; more `faults` are noted where only a part is kept."""
        actor = current_actor()
        if row is None:
            given: dict[str, Any] = {"agent_id": form.agent_id.data} if form.agent_id is not None else {}
            given["key"] = form.key.data or ""
            terms = self._readable(editor.values_of(form, None), faults)
            return in_transaction(lambda: drafts.begin(actor, **given, **terms).id)
        values, number = editor.changes(form, row), row.id
        version = header("If-Match").strip('"') or form.version.data or ""
        if row.listing_state == "draft":
            terms = self._readable(values, faults)
            in_transaction(lambda: drafts.keep(actor, number, version=version, **terms))
        elif values:
            terms = checked(self.terms, values)
            in_transaction(lambda: _update(actor, number, version, terms))
        return number

    def _readable(self, values: dict[str, Any], faults: Faults) -> dict[str, Any]:
        """Put a draft's values through its schema; the page's script is told what was left out of them."""
        try:
            return checked(self.draft_terms, values) if values else {}
        except InvalidInput as refusal:
            named = {one["field"].split(".")[0] for one in refusal.errors} & values.keys()
            if not is_quiet() or not named:
                raise
            faults += refusal.errors
            return self._readable({name: value for name, value in values.items() if name not in named}, faults)

    def _finish(self, number: int, faults: Faults) -> Faults:
        """Take in the photos that came along, and publish where that was asked; return what is lacking for it."""
        actor, chosen = current_actor(), uploaded("files")
        if chosen:
            perform(lambda: images.add(actor, number, chosen))
        if sent("act") != "publish" or faults:
            return []
        require("publish", self.class_permission_name)
        try:
            in_transaction(lambda: services.publish(actor, number))
        except InvalidInput as refusal:
            return list(refusal.errors)
        flash(self.done["publish"], "success")
        return []

    # ── Answering ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _page(self, form: Any, row: Property | None) -> Any:
        if row is not None and is_post():
            # What is sent next is meant for the listing as this page now shows that it has become.
            form.version.data = drafts.version_of(row)
        title = f"Edit {self.title_of(row)}" if row else "New listing"
        steps = [(self.title_of(row), self.href_of(row)), ("Edit", "")] if row else [(title, "")]
        known = places.lgas(form.state.data)
        page = {
            "trail": self._trail(*steps),
            "errors": form.form_errors,
            "state": row.listing_state if row else "draft",
            "badge": widgets.badge(pressing_state(row) if row else "draft", WORDS),
            "saved": widgets.moment(row.updated_at) if row else "",
            "cost": editor.cost_of(row),
            "others": editor.others(row),
            "symbols": SYMBOLS,
            "checklist": readiness.checklist(row) if row else [],
            "lgas": list(known) if known else places.all_lgas(),
            "towns": places.towns(form.state.data, form.lga.data),
            "where": url_for(f"{self.endpoint}.where"),
            "flags": [form[name] for name in FLAG_WORDS],
            "fees": [form[name] for name in editor.FEE_FIELDS],
            "publishes": not current_actor().is_office and (row is None or row.listing_state in {"draft", "paused"}),
            "back": self.href_of(row) if row else self.list_href(),
            "preview": url_for(f"{self.endpoint}.preview", pk=row.id) if row else "",
            "duplicate": url_for(f"{self.endpoint}.duplicate", pk=row.id) if row and self.may("create") else "",
            **self.photos_of(row),
        }
        return self.render_template("admin/listing_edit.html", title=title, page=page, form=form, row=row)

    def _told(self, number: int, faults: Faults) -> Response:
        """Tell the page's script how it went, and what the listing has become."""
        row = self.row(str(number))
        version = drafts.version_of(row)
        answer = jsonify(
            id=number,
            title=self.title_of(row),
            version=version,
            action=url_for(f"{self.endpoint}.edit", pk=number),
            photos=url_for(f"{self.endpoint}.photos", pk=number),
            preview=url_for(f"{self.endpoint}.preview", pk=number),
            saved=widgets.hour(clock.now()),
            faults=faults,
            checklist=self.render_template("admin/_checklist.html", checklist=readiness.checklist(row)),
            go=None if faults or row.listing_state == "draft" else self.href_of(row),
        )
        answer.headers["ETag"] = f'"{version}"'
        return answer

    def _led(self, number: int, faults: Faults) -> Any:
        """Lead on from a form that was sent without scripts."""
        row = self.row(str(number))
        if faults:
            flash("Saved, but not live yet: see what is marked.", "warning")
            return redirect(url_for(f"{self.endpoint}.edit", pk=number, ask="publish"))
        if row.listing_state == "draft":
            flash("Draft saved.", "success")
            return redirect(url_for(f"{self.endpoint}.edit", pk=number))
        if sent("act") != "publish":
            flash("Saved.", "success")
        return redirect(self.href_of(row))

    # ── Beside it ─────────────────────────────────────────────────────────────────────────────────────────────────

    @expose("/places")
    @has_access
    def where(self) -> Response:
        """Offer a state's local governments with their towns; the same for everybody, and for a day."""
        answer = jsonify(result={name: list(towns) for name, towns in places.lgas(query().get("state")).items()})
        answer.headers["Cache-Control"] = "private, max-age=86400"
        return answer

    @expose("/preview/<pk>")
    @has_access
    def preview(self, pk: str) -> Any:
        """Show a listing as an app shows it to clients, from what the API answers them."""
        row = self.row(pk)
        home = json.loads(cards.detail(current_actor(), row.id))["result"]
        page = {
            "trail": self._trail((self.title_of(row), self.href_of(row)), ("As clients see it", "")),
            "badge": widgets.badge(pressing_state(row), WORDS),
            "cost": editor.cost_of(row),
            "edit": url_for(f"{self.endpoint}.edit", pk=row.id) if row.listing_state != "archived" else "",
            **editor.preview_of(home, cards.find_agent_card(row.agent_id)),
        }
        return self.render_template("admin/listing_preview.html", title=self.title_of(row), page=page)

    @expose("/duplicate/<pk>", methods=["POST"])
    @has_access
    def duplicate(self, pk: str) -> Any:
        """Copy a listing as a draft, and open it."""
        row, actor = self.row(pk), current_actor()
        made = perform(lambda: drafts.duplicate(actor, row.id).id, "Copied with its photos, as a draft.")
        return redirect(url_for(f"{self.endpoint}.edit", pk=made) if made else self.href_of(row))

    # ── Photos ────────────────────────────────────────────────────────────────────────────────────────────────────

    def photos_of(self, row: Property | None) -> dict[str, Any]:
        """Return what the templates ask about photos."""
        found = images.images_of(row.id) if row else []
        return {
            "photos": [editor.photo(self.route_base, image) for image in found],
            "most_photos": current_app.config["MOST_IMAGES"],
            "most_bytes": current_app.config["IMAGE_BYTES"],
            "upload": url_for(f"{self.endpoint}.photos", pk=row.id) if row else "",
            "describe": url_for(f"{self.endpoint}.describe_photos", pk=row.id) if row else "",
        }

    @expose("/photos/<pk>")
    @has_access
    def photos(self, pk: str) -> Any:
        """Show the photos of the editor alone, for its script."""
        return self.render_template("admin/_photos.html", page=self.photos_of(self.row(pk)))

    @expose("/photos/<pk>", methods=["POST"])
    def add_photos(self, pk: str) -> Any:
        """Take photos in, in their order."""
        require("create", "PropertyImage")
        row, chosen = self.row(pk), uploaded("files")
        work = partial(images.add, current_actor(), row.id, chosen)
        return self._changed(row, work if chosen else None, "Taken in. The photos are being prepared.")

    @expose("/photos/<pk>/<image>", methods=["POST"])
    def change_photo(self, pk: str, image: str) -> Any:
        """Move a photo, make it the cover, or remove it."""
        act, wanted = sent("act"), sent("place")
        require("delete" if act == "remove" else "update", "PropertyImage")
        row, actor, number = self.row(pk), current_actor(), row_id(image)
        place = next((one.position for one in row.images if one.id == number), 0)
        is_place = wanted.isascii() and wanted.isdigit() and len(wanted) <= DIGITS_OF_PLACE
        changes: dict[str, dict[str, Any]] = {
            "earlier": {"position": max(0, place - 1)},
            "later": {"position": place + 1},
            "place": {"position": int(wanted) if is_place else place},
            "cover": {"primary": True},
        }
        if act == "remove":
            return self._changed(row, partial(images.remove, actor, row.id, number), "Photo removed.")
        return self._changed(
            row, partial(images.change, actor, row.id, number, **changes[act]) if act in changes else None
        )

    @expose("/photos/<pk>/captions", methods=["POST"])
    def describe_photos(self, pk: str) -> Any:
        """Write the captions that are sent; those of photos that are not named stay."""
        require("update", "PropertyImage")
        row, actor = self.row(pk), current_actor()
        given = {one.id: texts[0] for one in row.images if (texts := sent_all(f"caption-{one.id}"))}

        def work() -> None:
            terms = {number: checked(self.image_terms, {"caption": text or None}) for number, text in given.items()}
            images.describe(actor, row.id, {number: found["caption"] for number, found in terms.items()})

        return self._changed(row, work if given else None, "Captions saved.")

    def _changed(self, row: Property, work: Any, done: str = "") -> Any:
        """Do what a button or a drop asks of the photos, and show them as they are then."""
        if is_quiet():
            if work is not None:
                in_transaction(work)
            return self.render_template("admin/_photos.html", page=self.photos_of(row))
        if work is not None:
            perform(work, done)
        return redirect(f"{way_back(self.href_of(row))}#photos")


def _named(found: list[tuple[str, str]]) -> Faults:
    return [{"field": field, "message": message} for field, message in found]


def _update(actor: Actor, number: int, version: str, terms: dict[str, Any]) -> None:
    drafts.lock_version(actor, number, version)
    services.update(actor, number, **terms)
