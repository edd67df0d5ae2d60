"""What a person's calendar is told: parsed back by two libraries that know nothing of each other."""

from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
import vobject
from icalendar import Calendar
from sqlalchemy import select

from sheda.appointments import services as appointments
from sheda.appointments.models import Appointment
from sheda.core import clock, outbox
from sheda.core.db import db
from sheda.core.outbox import Outbox
from sheda.profiles import services as profiles
from tests.notifications.deals import Deal


def letters(kind: str) -> list[EmailMessage]:
    db.session.commit()
    db.session.expire_all()
    found = []
    for row in db.session.scalars(select(Outbox).where(Outbox.template == kind).order_by(Outbox.id)):
        extras = outbox._preparers[kind](row)
        found.append(outbox.mail.compose(row.user_id, kind, row.context, extras, row.message_id).message)
    return found


def part_of(letter: EmailMessage) -> Any:
    parts = [part for part in letter.walk() if part.get_content_type() == "text/calendar"]
    assert len(parts) == 1
    return parts[0]


def file_of(letter: EmailMessage) -> bytes:
    found = part_of(letter).get_payload(decode=True)
    assert isinstance(found, bytes)
    return found


def event_of(letter: EmailMessage) -> Any:
    """Return the one event of a letter, as the first library reads it, after the second has read the same."""
    content = file_of(letter)
    (event,) = Calendar.from_ical(content).walk("VEVENT")
    other = vobject.readOne(content.decode())
    assert other.vevent.uid.value == event["uid"]
    assert other.vevent.dtstart.value == event["dtstart"].dt
    assert other.vevent.dtend.value == event["dtend"].dt
    assert other.vevent.summary.value == event["summary"]
    assert other.method.value == part_of(letter).get_param("method")
    return event


def again(deal: Deal, viewing: Appointment, *, days: int = 1) -> Appointment:
    later = viewing.starts_at + timedelta(days=days)
    moved = appointments.reschedule(deal.client, viewing.id, requested_time=later)
    return db.session.get_one(Appointment, moved.id)


@pytest.fixture
def viewing(deal: Deal) -> Appointment:
    found = deal.viewing()
    appointments.confirm(deal.agent, found.id)
    return found


class TestRequest:
    def test_a_confirmed_viewing_is_an_invitation_to_each_side(self, deal: Deal, viewing: Appointment) -> None:
        found = letters("appointment_confirmed")
        assert len(found) == 2
        for letter in found:
            event = event_of(letter)
            assert part_of(letter).get_param("method") == "REQUEST"
            assert str(event["uid"]) == f"viewing-{viewing.id}@sheda.example"
            assert event["status"] == "CONFIRMED"
            assert event["dtstart"].dt == viewing.starts_at
            assert event["dtend"].dt == viewing.ends_at
            assert event["organizer"] == "mailto:no-reply@sheda.example"
            assert str(event["attendee"]).removeprefix("mailto:") in str(letter["To"])

    def test_an_invitation_shows_nobody_the_others_address(self, deal: Deal, viewing: Appointment) -> None:
        for letter in letters("appointment_confirmed"):
            both = {deal.agent.email, deal.client.email}
            (other,) = [address for address in both if address not in str(letter["To"])]
            assert other.encode() not in file_of(letter)

    def test_mail_programs_find_it_beside_the_text_and_attached(self, deal: Deal, viewing: Appointment) -> None:
        letter = letters("appointment_confirmed")[0]
        (attached,) = letter.iter_attachments()
        assert (attached.get_content_type(), attached.get_filename()) == ("application/ics", "invite.ics")
        assert attached.get_payload(decode=True) == file_of(letter)
        body = next(part for part in letter.walk() if part.get_content_type() == "multipart/alternative")
        kinds = [part.get_content_type() for part in body.iter_parts()]
        assert kinds == ["text/plain", "text/html", "text/calendar"]
        assert part_of(letter).get_content_charset() == "utf-8"

    def test_it_keeps_to_the_rules_of_its_format(self, deal: Deal) -> None:
        """RFC 5545, 3.1, 3.3.11 and 3.6.1: CRLF, lines of at most 75 octets, escapes, a stamp in UTC, a time zone."""
        deal.home.title = "Flat; with, a \\ long name — " + "é" * 70
        deal.home.location = "4, Herbert Macaulay Way;\r\nATTENDEE:mailto:thief@example.com"
        appointments.confirm(deal.agent, deal.viewing().id)
        letter = letters("appointment_confirmed")[0]
        content = file_of(letter)
        assert content.count(b"\n") == content.count(b"\r\n")
        assert all(len(line) <= 75 for line in content.split(b"\r\n"))
        unfolded = content.decode().replace("\r\n ", "").split("\r\n")
        assert any(line.startswith("SUMMARY:Viewing: Flat\\; with\\, a \\\\ long name") for line in unfolded)
        assert not any(line.startswith("ATTENDEE:") for line in unfolded)
        stamp = next(line for line in unfolded if line.startswith("DTSTAMP:"))
        assert datetime.strptime(stamp, "DTSTAMP:%Y%m%dT%H%M%SZ")  # noqa: DTZ007 - the Z is what is looked at
        assert "TZID:Africa/Lagos" in unfolded
        assert any(line.startswith("DTSTART;TZID=Africa/Lagos:") for line in unfolded)
        assert event_of(letter)["summary"].startswith("Viewing: Flat; with, a \\ long name")

    def test_whoever_reads_it_the_moment_is_told_in_lagos_time(self, deal: Deal) -> None:
        profiles.profile_of(deal.agent.user_id).time_zone = "Europe/London"
        viewing = deal.viewing()
        appointments.confirm(deal.agent, viewing.id)
        letter = letters("appointment_confirmed")[0]
        assert b"TZID:Africa/Lagos" in file_of(letter)
        assert event_of(letter)["dtstart"].dt == viewing.starts_at

    def test_a_viewing_that_was_called_off_meanwhile_invites_nobody(self, deal: Deal, viewing: Appointment) -> None:
        appointments.cancel(deal.client, viewing.id)
        for letter in letters("appointment_confirmed"):
            assert [part.get_content_type() for part in letter.walk()].count("text/calendar") == 0

    def test_a_request_is_no_invitation_yet(self, deal: Deal) -> None:
        appointments.cancel(deal.client, deal.viewing().id)
        (letter,) = letters("appointment_canceled")
        assert "text/calendar" not in [part.get_content_type() for part in letter.walk()]


class TestCancel:
    def test_the_other_sides_calendar_is_told(self, deal: Deal, viewing: Appointment) -> None:
        before = event_of(letters("appointment_confirmed")[0])
        appointments.cancel(deal.client, viewing.id)
        (letter,) = letters("appointment_canceled")
        after = event_of(letter)
        assert part_of(letter).get_param("method") == "CANCEL"
        assert after["uid"] == before["uid"]
        assert after["sequence"] > before["sequence"]
        assert after["status"] == "CANCELLED"


class TestMoving:
    def test_it_stays_one_event_and_its_sequence_rises(self, deal: Deal, viewing: Appointment) -> None:
        first = event_of(letters("appointment_confirmed")[0])
        second = again(deal, viewing)
        (moved,) = letters("appointment_moved")
        tentative = event_of(moved)
        appointments.confirm(deal.agent, second.id)
        confirmed = event_of(letters("appointment_confirmed")[-1])
        third = again(deal, second, days=2)
        appointments.reject(deal.agent, third.id, reason="I am away.")
        (rejected,) = letters("appointment_rejected")
        called_off = event_of(rejected)
        chain = [first, tentative, confirmed, called_off]
        assert {str(event["uid"]) for event in chain} == {f"viewing-{viewing.id}@sheda.example"}
        assert [event["status"] for event in chain] == ["CONFIRMED", "TENTATIVE", "CONFIRMED", "CANCELLED"]
        assert [part_of(one).get_param("method") for one in (moved, rejected)] == ["REQUEST", "CANCEL"]
        numbers = [event["sequence"] for event in chain]
        assert numbers == sorted(set(numbers))
        assert tentative["dtstart"].dt == second.starts_at

    def test_a_request_that_moves_before_any_answer_notes_nothing(self, deal: Deal) -> None:
        again(deal, deal.viewing())
        (letter,) = letters("appointment_moved")
        assert "text/calendar" not in [part.get_content_type() for part in letter.walk()]

    def test_what_was_moved_is_not_called_off_by_a_late_mail(self, deal: Deal, viewing: Appointment) -> None:
        again(deal, viewing)
        db.session.commit()
        assert appointments.invitation_of(viewing, to=deal.client_user) is None

    def test_a_long_chain_costs_no_more_statements(
        self, deal: Deal, viewing: Appointment, count_statements: Any
    ) -> None:
        def statements(one: Appointment) -> int:
            db.session.commit()
            db.session.refresh(one)
            with count_statements() as seen:
                appointments.invitation_of(one, to=deal.client_user)
            return len(seen)

        last = again(deal, viewing)
        short = statements(last)
        for _ in range(4):
            last = again(deal, last)
        assert statements(last) == short


def test_the_clock_of_a_stamp_is_the_change_not_the_sending(deal: Deal, viewing: Appointment) -> None:
    with clock.travel(clock.now() + timedelta(hours=3)):
        event = event_of(letters("appointment_confirmed")[0])
    assert event["dtstamp"].dt == viewing.updated_at.replace(microsecond=0)
