"""A person with a browser: signs in at the door, reads pages, and sends their forms."""

import html
import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from sheda.accounts.models import User
from tests import factories


class Browser:
    """A browser without scripts; `at` remembers the page it shows, whose token goes with the next form."""

    def __init__(self, app: Flask) -> None:
        self.http: FlaskClient = app.test_client()
        self.at = ""

    def get(self, path: str, **options: Any) -> Any:
        """Open a page."""
        answer = self.http.get(path, **options)
        if answer.mimetype == "text/html":
            self.at = answer.text
        return answer

    def send(self, path: str, *, token: bool = True, **values: Any) -> Any:
        """Send a form with the token of the page that is open."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.at)
        data = {**values, "csrf_token": found[1]} if token and found else values
        answer = self.http.post(path, data=data)
        if answer.mimetype == "text/html" and answer.status_code == 200:
            self.at = answer.text
        return answer

    def sign_in(self, user: User, password: str = factories.PASSWORD, **query: Any) -> Any:
        """Enter by the door."""
        self.get("/login/")
        answer = self.send(
            "/login/" + (f"?next={query['next']}" if query else ""), username=user.email, password=password
        )
        if answer.status_code == 302:
            self.get("/admin/")
        return answer

    def notices(self) -> list[str]:
        """Return what the open page says was done or refused."""
        found = re.findall(r'class="(?:s-toast|alert alert-\w+)".*?<span>(.*?)</span>', self.at, re.DOTALL)
        return [html.unescape(re.sub(r"<[^>]+>", "", one)).strip() for one in found]

    def faults(self) -> list[str]:
        """Return what the open form says about its fields."""
        return [html.unescape(one) for one in re.findall(r'class="s-err".*?</svg>(.*?)</p>', self.at)]

    def links(self) -> list[str]:
        """Return every address of ours that the open page leads to."""
        found = re.findall(r'href="(/[^"#]*)"', self.at)
        return [html.unescape(one) for one in found if not one.startswith("/static")]


def browser_of(app: Flask, user: User) -> Browser:
    """Return the browser of somebody who is signed in."""
    browser = Browser(app)
    assert browser.sign_in(user).status_code == 302
    return browser
