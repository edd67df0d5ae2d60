"""Messages between two people.

Owns: conversations, messages and blocks.
Promises: a conversation is its two people's alone; a repeated message id is one message; unread counts are exact.
Emits nothing: chat is read, not reacted to.
"""
