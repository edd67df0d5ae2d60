"""People who talk to Sheda over HTTP, as the journeys need them."""

import json
import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

PASSWORD = "a long enough passphrase"
PATIENCE = 20
"""Seconds to wait for a mail before saying that it does not come."""


@dataclass
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def result(self) -> Any:
        return self.body["result"]


@dataclass
class Person:
    """One person with an address, and the token of his last sign-in."""

    base: str
    email: str
    token: str = ""
    refresh: str = ""
    id: int = 0
    prefix: str = "/api/v1"
    seen: list[int] = field(default_factory=list)

    def ask(
        self, method: str, path: str, body: Any = None, *, raw: bytes = b"", kind: str = "", **headers: str
    ) -> Answer:
        """Send one request and return its answer, whatever its status."""
        sent = {"Accept": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        data = raw or (None if body is None else json.dumps(body).encode())
        if data is not None:
            sent["Content-Type"] = kind or "application/json"
        request = urllib.request.Request(self.base + self.prefix + path, data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return self._read(response.status, response.read(), dict(response.headers))
        except urllib.error.HTTPError as error:
            with error:
                return self._read(error.code, error.read(), dict(error.headers))

    def _read(self, status: int, data: bytes, headers: dict[str, str]) -> Answer:
        self.seen.append(status)
        assert status < 500, data
        is_json = "json" in headers.get("Content-Type", "")
        return Answer(status, json.loads(data) if is_json and data else data, headers)

    def must(self, status: int, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """Send one request that must be answered with a status."""
        answer = self.ask(method, path, body, **options)
        assert answer.status == status, (method, path, answer.status, answer.body)
        return answer

    def register(self, role: str = "client", **details: Any) -> "Person":
        """Open an account and sign in."""
        sent = {"email": self.email, "password": PASSWORD, "role": role, **details}
        self.id = self.must(201, "POST", "/auth/register", sent).result["id"]
        return self.sign_in()

    def sign_in(self, password: str = PASSWORD) -> "Person":
        """Sign in and keep the tokens."""
        answer = self.must(200, "POST", "/auth/login", {"email": self.email, "password": password}).body
        self.token, self.refresh, self.id = answer["access_token"], answer["refresh_token"], answer["user"]["id"]
        return self

    def upload(self, path: str, name: str, content: bytes, *, field_name: str, status: int = 201) -> Answer:
        """Send one file as a form."""
        edge = "edge-of-the-form"
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="{field_name}"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        raw = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
        return self.must(status, "POST", path, raw=raw, kind=f"multipart/form-data; boundary={edge}")


def wait_for_mail(sink: Any, address: str, subject: str) -> Any:
    """Wait for a mail to an address whose subject has some words, and return the last such mail."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = [one for one in sink.to(address) if subject.lower() in str(one["Subject"]).lower()]
        if found:
            return found[-1]
        time.sleep(0.05)
    raise AssertionError(f"no “{subject}” for {address}; it got {[str(one['Subject']) for one in sink.to(address)]}")


def text_of(mail: Any) -> str:
    """Return a mail's plain text."""
    text: str = mail.get_body(("plain",)).get_content()
    return text


def code_in(mail: Any) -> str:
    """Return the six-digit code of a mail."""
    found = re.search(r"\b[0-9]{6}\b", text_of(mail))
    assert found, text_of(mail)
    return found[0]
