"""The language that somebody reads."""

from sheda.accounts.models import User
from sheda.core.actor import Actor
from sheda.core.db import lock_one
from sheda.core.errors import InvalidInput
from sheda.core.languages import LANGUAGES


def speak(actor: Actor, language: str) -> None:
    """Speak a language to somebody from now on, in the menu and in mails; InvalidInput for an unknown one."""
    if language not in LANGUAGES:
        raise InvalidInput.on("language", f"Choose one of: {', '.join(LANGUAGES.values())}.")
    lock_one(User, actor.user_id).language = language
