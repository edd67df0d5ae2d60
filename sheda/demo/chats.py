"""Conversations between the demo's people."""

from datetime import datetime, timedelta
from random import Random

from sheda.chat import replies
from sheda.chat.models import Conversation, Message
from sheda.core.db import db
from sheda.demo.people import People
from sheda.demo.phrases import MESSAGES


def tell_chats(draw: Random, people: People, now: datetime) -> None:
    """Let the demo client talk with the demo agent and two others, and the demo agent with two more clients.

    All of what they write is older than the demo: nobody gets a mail about it.
    """
    agents, clients = people.agents, people.clients
    for agent_id in agents:
        replies.give_to(agent_id)
    for agent_id, client_id in (
        (agents[0], clients[0]),
        (agents[1], clients[0]),
        (agents[0], clients[1]),
        (agents[0], clients[2]),
    ):
        _converse(draw, client_id, agent_id, now - timedelta(minutes=draw.randrange(20, 4000)))


def _converse(draw: Random, client_id: int, agent_id: int, last_at: datetime) -> None:
    low, high = sorted((client_id, agent_id))
    conversation = Conversation(low_id=low, high_id=high, last_at=last_at)
    db.session.add(conversation)
    db.session.flush()
    count = draw.randrange(3, len(MESSAGES) + 1)
    unread = {client_id: 0, agent_id: 0}
    for number, words in enumerate(MESSAGES[:count]):
        sender, receiver = (client_id, agent_id) if number % 2 == 0 else (agent_id, client_id)
        at = last_at - timedelta(minutes=7) * (count - 1 - number)
        is_last = number == count - 1
        unread[receiver] += is_last
        message = Message(
            conversation_id=conversation.id,
            sender_id=sender,
            receiver_id=receiver,
            message=words,
            created_at=at,
            read_at=None if is_last else at + timedelta(minutes=3),
            told_at=at + timedelta(minutes=10) if is_last else None,
        )
        db.session.add(message)
        db.session.flush()
        conversation.last_message_id = message.id
    conversation.low_unread, conversation.high_unread = unread[low], unread[high]
