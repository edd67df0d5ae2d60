"""Secrets at rest that must be read back: sealed under keys derived from SECRET_KEY, one for each purpose.

A new SECRET_KEY goes first and the old one into SECRET_KEY_FALLBACKS: what was sealed under it opens still, and is
sealed anew when it is next used, or all at once by `flask sheda reseal`. Then the old key can go.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app


class Unsealable(Exception):
    """Stop: no key that is set opens this; it was sealed under a SECRET_KEY that is gone."""


def _keys(purpose: str) -> list[Fernet]:
    return [_key(secret, purpose) for secret in _secrets()]


def _secrets() -> list[str]:
    config = current_app.config
    return [config["SECRET_KEY"], *(config["SECRET_KEY_FALLBACKS"] or ())]


def _key(secret: str, purpose: str) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=f"sheda {purpose}".encode()).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))


def seal(text: str, purpose: str) -> str:
    """Seal a text for a purpose."""
    return _keys(purpose)[0].encrypt(text.encode()).decode()


def unseal(sealed: str, purpose: str) -> str:
    """Open what was sealed for a purpose; Unsealable when no key that is set fits."""
    try:
        return MultiFernet(_keys(purpose)).decrypt(sealed.encode()).decode()
    except InvalidToken as fault:
        raise Unsealable(purpose) from fault


def is_current(sealed: str, purpose: str) -> bool:
    """Tell whether something is sealed under the first key, and needs no other any more."""
    try:
        _keys(purpose)[0].decrypt(sealed.encode())
    except InvalidToken:
        return False
    return True
