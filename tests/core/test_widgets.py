from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from sheda.core import clock, widgets
from sheda.core.actor import Actor, Role, act_as

NOON = datetime(2026, 11, 24, 11, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _at_noon():
    with clock.travel(NOON):
        yield


class TestMoney:
    def test_it_is_written_as_people_write_it(self) -> None:
        assert "₦2,500,000 <small>/ year</small>" in widgets.money(Decimal("2500000.00"), "NGN", "year")

    def test_nothing_is_a_dash(self) -> None:
        assert widgets.money(None, "NGN") == widgets.NOTHING


class TestMoment:
    def test_today_is_said_so_in_lagos_time(self) -> None:
        assert ">Today, 14:30</time>" in widgets.moment(NOON.replace(hour=13, minute=30))

    def test_a_late_utc_evening_is_already_tomorrow_in_lagos(self) -> None:
        assert ">Wed 25 Nov, 00:30</time>" in widgets.moment(NOON.replace(hour=23, minute=30))

    def test_another_year_is_named(self) -> None:
        assert ">Fri 1 Jan 2027</time>" in widgets.day(date(2027, 1, 1))

    def test_the_exact_moment_stands_on_hover(self) -> None:
        assert 'title="Tuesday 24 November 2026, 12:20 (WAT)"' in widgets.moment(NOON)

    @pytest.mark.parametrize(
        ("zone", "words"),
        [("Africa/Nairobi", "14:20 (EAT)"), ("Europe/London", "11:20 (GMT)"), ("Asia/Dubai", "15:20 (UTC+04)")],
    )
    def test_it_is_told_in_the_readers_zone(self, zone: str, words: str) -> None:
        with Flask("a page").test_request_context():
            act_as(Actor(1, Role.AGENT, time_zone=zone))
            assert f"2026, {words}" in widgets.moment(NOON)
            assert f">{words[:5]}</time>" in widgets.hour(NOON)

    def test_an_hour_of_another_zone_is_told_exactly_in_that_zone(self) -> None:
        shown = widgets.hour(NOON, ZoneInfo("Africa/Nairobi"))
        assert ">14:20</time>" in shown
        assert 'title="Tuesday 24 November 2026, 14:20 (EAT)"' in shown


class TestCountdown:
    @pytest.mark.parametrize(
        ("left", "tone", "words"),
        [
            (timedelta(hours=3, minutes=40), "soon", "3 h 40 min left"),
            (timedelta(hours=5), "today", "5 h 00 min left"),
            (timedelta(hours=46), "", "46 h 00 min left"),
            (timedelta(days=6), "", "6 days left"),
            (-timedelta(hours=2), "late", "2 h 00 min past"),
        ],
    )
    def test_words_carry_the_meaning(self, left: timedelta, tone: str, words: str) -> None:
        shown = widgets.countdown(NOON + left)
        assert f'data-due="{tone}"' in shown
        assert words in shown


class TestShow:
    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            (None, widgets.NOTHING),
            ("  ", widgets.NOTHING),
            (True, "Yes"),
            (False, "No"),
            (12500, "12,500"),
            (Decimal("12.50"), "12.5"),
            (Decimal("1200.00"), "1,200"),
            (["wifi", "borehole"], "wifi, borehole"),
            ([], widgets.NOTHING),
        ],
    )
    def test_a_value_is_shown_by_its_type(self, value: object, shown: str) -> None:
        assert widgets.show(value) == shown

    def test_markup_in_a_value_stays_text(self) -> None:
        assert widgets.show("<script>") == "&lt;script&gt;"
        assert "&lt;b&gt;" in widgets.badge("<b>")
        assert "&lt;b&gt;" in widgets.badge("x", {"x": "<b>"})


class TestInitials:
    def test_two_letters_at_most(self) -> None:
        assert [widgets.initials(name) for name in ("Ngozi Okafor", "Ada", "", "Ann Mary Obi")] == [
            "NO",
            "A",
            "?",
            "AM",
        ]
