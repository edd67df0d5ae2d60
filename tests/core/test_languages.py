"""Words: every catalogue has them all, and people read mails and the menu in their language."""

import re
from datetime import date
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from sqlalchemy import select

from sheda import rooms
from sheda.accounts import codes
from sheda.appointments import services as appointments
from sheda.core import languages, outbox
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.core.languages import FOLDER, LANGUAGES, REVIEWED, catalogue, say_again, speaking
from sheda.core.outbox import Outbox
from tests.factories import auth, make_user
from tests.notifications.deals import Deal
from tests.pages import browser_of

ROOT = Path(__file__).resolve().parents[2]
OTHERS = sorted(set(LANGUAGES) - {"en"})
PLURALS = {"fr": (2, "(n > 1)"), "ha": (2, "(n != 1)"), "yo": (1, "0"), "ig": (1, "0")}
"""Of the Unicode CLDR."""


@cache
def words_of(language: str) -> Catalog:
    with (FOLDER / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


def said_in_mails() -> set[Any]:
    method = "jinja2.ext:babel_extract"
    found = extract_from_dir(ROOT / "templates" / "mail", method_map=[("**.html", method), ("**.txt", method)])
    return {message for _file, _line, message, _comments, _context in found}


def labels_of_facts() -> set[str]:
    files = [ROOT / "sheda" / "notifications" / f"{name}.py" for name in ("words", "reactions", "jobs")]
    return {label for file in files for label in re.findall(r'\("([A-Z][A-Za-z ]+)", ', file.read_text())}


def said_in_the_menu() -> set[str]:
    return {word for _view, name, heading, _icon in rooms.VIEWS for word in (name, heading) if word} | {
        "More", "Sign out",
    }  # fmt: skip


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", text))


@pytest.mark.parametrize("language", OTHERS)
class TestCatalogues:
    @pytest.mark.parametrize("said", [said_in_mails, labels_of_facts, said_in_the_menu], ids=lambda said: said.__name__)
    def test_no_word_lacks(self, language, said):
        words = words_of(language)
        keys = {one if isinstance(one, str) else one[0] for one in said()}
        assert keys
        assert {key for key in keys if words.get(key) is None or not words.get(key).string} == set()

    def test_the_first_page_of_the_menu_is_no_house(self, language):
        words = words_of(language)
        assert words.get("Home", "menu").string != words.get("Home").string

    def test_placeholders_are_the_same(self, language):
        for message in words_of(language):
            if not message.id:
                continue
            english = message.id if isinstance(message.id, tuple) else (message.id,)
            wanted = placeholders(english[-1])
            said = message.string if isinstance(message.string, tuple) else (message.string,)
            for one in said:
                assert placeholders(one) in (wanted, placeholders(english[0])), message.id
                assert one.replace("%(", "").count("%") == 0, message.id

    def test_plural_forms_are_those_of_the_language(self, language):
        words, (number, rule) = words_of(language), PLURALS[language]
        assert (words.num_plurals, words.plural_expr) == (number, rule)
        for message in words:
            if isinstance(message.id, tuple):
                assert len(message.string) == number
                assert all(message.string)

    def test_an_unreviewed_one_says_so_at_its_head(self, language):
        head = (FOLDER / language / "LC_MESSAGES" / "messages.po").read_text()[:400]
        assert ("UNREVIEWED" in head) == (language not in REVIEWED)


class TestValues:
    MOMENT = "Tue 24 Nov 2026, 14:30 (Lagos time), 30 minutes"

    @pytest.mark.parametrize(
        ("language", "said"),
        [
            ("en", MOMENT),
            ("fr", "mar. 24 nov. 2026, 14:30 (heure de Lagos), 30 minutes"),
            ("ha", "Tal 24 Nuw 2026, 14:30 (lokacin Lagos), mintuna 30"),
            ("yo", "Ìsẹ́gun 24 Oṣù Bélú 2026, 14:30 (àkókò Lagos), ìṣẹ́jú 30"),
            ("ig", "Tiu 24 Nov 2026, 14:30 (oge Lagos), nkeji 30"),
        ],
    )
    def test_a_moment_is_written_as_its_readers_write_it(self, app, language, said):
        with app.app_context(), speaking(language):
            assert say_again({"facts": [["When", self.MOMENT]]}) == {"facts": [["When", said]]}

    @pytest.mark.parametrize(
        ("english", "french"),
        [
            ("1 year", "1 an"), ("2 years", "2 ans"), ("in 30 days", "dans 30 jours"), ("tomorrow", "demain"),
            ("Lagos time", "heure de Lagos"), ("Sun 1 Mar 2026", "dim. 1 mars 2026"), ("₦2,500,000", "₦2,500,000"),
        ],
    )  # fmt: skip
    def test_lengths_and_days_too_and_money_stays(self, app, english, french):
        with app.app_context(), speaking("fr"):
            assert say_again(english) == french

    @pytest.mark.parametrize("text", ["Come on Tue 24 Nov 2026", "Tue 31 Feb 2026", "I need 2 years, please", ""])
    def test_what_people_wrote_stays(self, app, text):
        with app.app_context(), speaking("yo"):
            assert say_again([text, 7, None]) == [text, 7, None]

    def test_every_day_is_said_again(self, app):
        with app.app_context(), speaking("fr"):
            for month in range(1, 13):
                day = date(2026, month, 5)
                assert say_again(f"{day:%a} {day.day} {day:%b %Y}") != f"{day:%a} {day.day} {day:%b %Y}"


def letters_to(user: Any) -> list[EmailMessage]:
    db.session.commit()
    found = []
    for row in db.session.scalars(select(Outbox).where(Outbox.user_id == user.id).order_by(Outbox.id)):
        preparer = outbox._preparers.get(row.template)
        extras = preparer(row) if preparer else outbox.mail.Extras()
        found.append(outbox.mail.compose(row.user_id, row.template, row.context, extras, row.message_id).message)
    return found


def text_of(letter: EmailMessage, kind: str = "plain") -> str:
    part = letter.get_body((kind,))
    assert part is not None
    return str(part.get_content())


class TestMails:
    SUBJECTS = {"fr": "Confirmé : ", "ha": "An tabbatar: ", "yo": "A ti fìdí ẹ̀ múlẹ̀: ", "ig": "Ekwenyela: "}

    @pytest.mark.parametrize("language", OTHERS)
    def test_each_side_reads_his_own_language(self, db_session, language):
        deal = Deal()
        deal.client_user.language = language
        appointments.confirm(deal.agent, deal.viewing().id)
        [to_client], [to_agent] = letters_to(deal.client_user), letters_to(deal.agent_user)
        assert to_client["Subject"].startswith(self.SUBJECTS[language])
        assert to_agent["Subject"].startswith("Confirmed: ")
        for kind in ("plain", "html"):
            assert "Unreviewed translation" in text_of(to_client, kind)
            assert "Unreviewed translation" not in text_of(to_agent, kind)
            for english in ("Hello", "is confirmed", "Where", "How you hear"):
                assert english not in text_of(to_client, kind)
        assert f'<html lang="{language}">' in text_of(to_client, "html")
        assert '<html lang="en">' in text_of(to_agent, "html")

    def test_a_language_that_was_chosen_after_the_event_counts_when_the_mail_leaves(self, db_session):
        user = make_user()
        codes.post(user, user.email, codes.RESET)
        db.session.commit()
        user.language = "fr"
        [letter] = letters_to(user)
        assert letter["Subject"] == "Votre code pour un nouveau mot de passe"

    def test_a_mail_that_is_not_translated_is_wholly_english(self, app):
        with app.app_context():
            assert languages.is_translated("appointment_confirmed")
            assert not languages.is_translated("payment_escalated")

    def test_one_and_several_have_their_forms(self, app):
        with app.app_context():
            words = catalogue("fr")
            one, many = "%(sender)s has sent you a message", "%(sender)s has sent you %(count)s messages"
            assert words.ungettext(one, many, 1) == "%(sender)s vous a envoyé un message"
            assert words.ungettext(one, many, 2) == "%(sender)s vous a envoyé %(count)s messages"


class TestChoice:
    @pytest.mark.parametrize("language", [*LANGUAGES, None])
    def test_the_api_takes_and_shows_it(self, client, db_session, language):
        headers = auth(make_user())
        answer = client.patch("/users/me", json={"language": language}, headers=headers)
        assert (answer.status_code, answer.json["result"]["language"]) == (200, language)

    @pytest.mark.parametrize("language", ["de", "", "../fr", "en-NG", 7])
    def test_another_is_422(self, client, db_session, language):
        answer = client.patch("/users/me", json={"language": language}, headers=auth(make_user()))
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "language")

    def test_the_menu_speaks_it_and_is_marked(self, app, db_session):
        browser = browser_of(app, make_user(Role.AGENT))
        browser.get("/admin/security/")
        assert browser.send("/admin/security/language", language="fr").status_code == 302
        page = browser.get("/admin/").text
        assert '<ul lang="fr">' in page
        for word in ("Accueil", "Annonces", "Paiements", "Se déconnecter", "Unreviewed translation"):
            assert word in page

    def test_a_language_that_there_is_none_of_is_refused(self, app, db_session):
        browser = browser_of(app, make_user(Role.AGENT))
        browser.get("/admin/security/")
        browser.send("/admin/security/language", language="xx")
        assert "Choose one of" in browser.get("/admin/security/").text

    @pytest.mark.parametrize(
        ("asked", "given"), [("ha,en;q=0.5", "ha"), ("de,yo;q=0.3", "yo"), ("de", "en"), ("", "en")]
    )
    def test_strangers_get_what_their_browser_asks_for(self, app, asked, given):
        with app.test_request_context(headers={"Accept-Language": asked}):
            assert languages.select() == given
