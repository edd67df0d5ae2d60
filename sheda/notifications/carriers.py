"""What brings messages to people: mail is the ground's own; the others are registered here."""

from sheda.core.outbox import carry
from sheda.notifications import mails as _mails  # noqa: F401 - what mails carry is registered by its import
from sheda.notifications.push import PushCarrier
from sheda.notifications.texts import TextCarrier
from sheda.notifications.wishes import TEXTS

carry("push", PushCarrier())
for _channel in TEXTS:
    carry(_channel, TextCarrier(_channel))
