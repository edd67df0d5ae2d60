"""Languages: what people read in the menu and in mails, in theirs; catalogues are read as they are written, from `.po`.

English is complete and stands in the code. The other languages were translated with care by somebody who does not
speak them from childhood, and say so until a native speaker has read them (docs/languages.md).
"""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, current_app
from flask_babel import Domain, force_locale, get_locale, gettext, ngettext, pgettext

from sheda.core.actor import accepted_language, current_actor

ENGLISH = "en"

LANGUAGES = {"en": "English", "fr": "Français", "ha": "Hausa", "yo": "Yorùbá", "ig": "Igbo"}
"""The languages that one can choose, each called as its speakers call it."""

REVIEWED = frozenset({ENGLISH})
"""Languages that a native speaker has read; the others are marked wherever they are shown."""

FOLDER = Path(__file__).resolve().parent.parent / "translations"

DAY_PATTERN = "EEE d MMM y"
"""Days as people write them: Tue 24 Nov 2026, mar. 24 nov. 2026."""


# ── Which language ───────────────────────────────────────────────────────────────────────────────────────────────────


def chosen(language: str | None) -> str:
    """Return a person's language: the one he has chosen, or English."""
    return language if language in LANGUAGES else ENGLISH


def select() -> str:
    """Return the language of this request: a person's own; of strangers, the first that their browser asks for."""
    actor = current_actor()
    return chosen(actor.language if actor.id else accepted_language(list(LANGUAGES)))


def present() -> str:
    """Return the language that is spoken now."""
    locale = get_locale()
    return chosen(locale.language if locale else None)


@contextmanager
def speaking(language: str | None) -> Iterator[str]:
    """Speak a person's language for the length of a block."""
    code = chosen(language)
    with force_locale(code):
        yield code


# ── Catalogues ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Catalogues(Domain):
    """Flask-Babel's way to our words."""

    def get_translations(self) -> NullTranslations:
        """Return the words of the language that is spoken now."""
        return catalogue(present())


@cache
def catalogue(language: str) -> NullTranslations:
    """Return the words of a language, read once; English needs none."""
    if language == ENGLISH:
        return NullTranslations()
    with (FOLDER / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        words = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, words)
    compiled.seek(0)
    return Translations(compiled)


def install(app: Flask) -> None:
    """Let Flask-Babel speak our languages."""
    babel = app.extensions["babel"]
    babel.instance.domain_instance = Catalogues()
    babel.locale_selector = select


def translated(words: str) -> str:
    """Return words in the language that is spoken now."""
    return str(gettext(words))


def menu_home() -> str:
    """Return what the first page is called in the menu; in mails the same English word is a house."""
    return str(pgettext("menu", "Home"))


@cache
def _sources(template: str) -> str:
    loader = current_app.jinja_env.loader
    return loader.get_source(current_app.jinja_env, template)[0] if loader else ""


def is_translated(template: str) -> bool:
    """Tell whether a mail is written for every language; those for agents and the office alone are English."""
    return "{% trans" in _sources(f"mail/{template}.txt")


# ── Values: days, clocks and lengths, as each language writes them ───────────────────────────────────────────────────

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_MOMENT = re.compile(
    rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?P<day>\d{{1,2}}) (?P<month>{'|'.join(_MONTHS)}) (?P<year>\d{{4}})"
    r"(?:, (?P<clock>\d\d:\d\d))?(?: \((?P<city>[A-Z][A-Za-z ]+) time\))?(?:, (?P<minutes>\d+) minutes)?"
)
OWN_WORDS = frozenset({"agent", "client", "home", "homes", "lines", "name", "reply_path", "path", "sender"})
"""What people called themselves, their homes and their searches, and what they wrote: never said again."""

_ZONE = re.compile(r"(?P<city>[A-Z][A-Za-z ]+) time")
_LENGTH = re.compile(r"(?P<within>in )?(?P<number>\d{1,4}) (?P<unit>year|month|week|night|day)s?")


def say_again(value: Any) -> Any:
    """Return what a mail was given, with its days, times and lengths in the language that is spoken now.

    Only whole values of the one grammar that `notifications.words` writes are said again; people's own words stay.
    """
    if present() == ENGLISH:
        return value
    if isinstance(value, Mapping):
        return {name: one if name in OWN_WORDS else say_again(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [say_again(one) for one in value]
    return _said(value) if isinstance(value, str) else value


def _said(text: str) -> str:
    if found := _MOMENT.fullmatch(text):
        return _moment(found)
    if found := _ZONE.fullmatch(text):
        return str(gettext("%(city)s time", city=found["city"]))
    if found := _LENGTH.fullmatch(text):
        return _length(found)
    return str(gettext("tomorrow")) if text == "tomorrow" else text


def _moment(found: re.Match[str]) -> str:
    try:
        day = date(int(found["year"]), _MONTHS.index(found["month"]) + 1, int(found["day"]))
    except ValueError:
        return found[0]
    said = format_date(day, DAY_PATTERN, locale=present())
    if found["clock"]:
        said += f", {found['clock']}"
    if found["city"]:
        said += f" ({gettext('%(city)s time', city=found['city'])})"
    if found["minutes"]:
        number = int(found["minutes"])
        said += f", {ngettext('%(num)s minute', '%(num)s minutes', number)}"
    return said


def _length(found: re.Match[str]) -> str:
    number, unit = int(found["number"]), found["unit"]
    if found["within"]:
        return str(ngettext("in %(num)s day", "in %(num)s days", number))
    if unit == "year":
        return str(ngettext("%(num)s year", "%(num)s years", number))
    if unit == "month":
        return str(ngettext("%(num)s month", "%(num)s months", number))
    if unit == "week":
        return str(ngettext("%(num)s week", "%(num)s weeks", number))
    return str(ngettext("%(num)s night", "%(num)s nights", number))
