"""Chat: messages between two people, in one conversation a pair.

Owns conversations, messages, their files, blocks, reports and quick replies. Promises that a message is stored once
however often it is sent, that ids within a conversation grow in the order of commits, so that catching up by
`after_id` misses nothing, and that unread counts are exact. Everybody, staff included, sees only conversations of his
own; staff see of others what was reported, and each reading is written down. Emits what is sent and read, what waits
unread (`MessagesWait`, once for each message), and what becomes of reports.
"""
