"""What goes through the air between the processes that hold sockets: the bell, typing and presence, by Redis.

None of it is the truth. While Redis is away the process looks for news by itself, and knows of typing and presence only
what its own sockets tell.
"""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from sheda.live.services import BELL, channel

log = logging.getLogger(__name__)

AIR = "air"
"""The channel of typing and presence."""

RETRY_SECONDS = 1.0
HERE_LASTS = 90
"""Seconds for which a process that has died is still believed about who is there."""

FAULTS = (RedisError, OSError, asyncio.TimeoutError)


class Air:
    """One process's ear and mouth: what it hears is given to `bell` and `hear`."""

    def __init__(self, url: str, bell: Callable[[], None], hear: Callable[[dict[str, Any]], None]) -> None:
        self._url, self._bell, self._hear = url, bell, hear
        self._redis = self._connect() if url else None
        self._me = uuid.uuid4().hex
        self._ring, self._air = channel(url, BELL), channel(url, AIR)
        self.is_up = False

    def _connect(self) -> "Redis":
        return Redis.from_url(self._url, socket_connect_timeout=1, socket_timeout=2, health_check_interval=10)

    async def listen(self) -> None:
        """Listen for ever, again and again while Redis is away."""
        while self._redis is not None:
            try:
                async with self._redis.pubsub() as ear:
                    await ear.subscribe(self._ring, self._air)
                    self.is_up = True
                    # What was rung meanwhile was not heard.
                    self._bell()
                    while True:
                        said = await ear.get_message(ignore_subscribe_messages=True, timeout=5)
                        if said is not None:
                            self._take(said)
            except FAULTS as fault:
                if self.is_up:
                    log.warning("the bell is not heard (%s): looking for news without it", type(fault).__name__)
                self.is_up = False
            await asyncio.sleep(RETRY_SECONDS)

    def _take(self, said: dict[str, Any]) -> None:
        if said["channel"] == self._ring.encode():
            self._bell()
            return
        with suppress(ValueError):
            self._hear(json.loads(said["data"]))

    async def say(self, word: dict[str, Any]) -> None:
        """Tell every process, this one too."""
        if self._redis is not None and self.is_up:
            try:
                await self._redis.publish(self._air, json.dumps(word))
                return
            except FAULTS:
                self.is_up = False
        self._hear(word)

    async def be_here(self, people: Collection[int]) -> None:
        """Keep it known that people are here, on this process, for a while."""
        await self._note(people, leaves=False)

    async def leave(self, person: int) -> bool:
        """Note that somebody has no socket here any more; tell whether he has none anywhere."""
        await self._note([person], leaves=True)
        return person not in await self.present([person])

    async def _note(self, people: Collection[int], *, leaves: bool) -> None:
        if self._redis is None or not self.is_up or not people:
            return
        with suppress(*FAULTS):
            pipe = self._redis.pipeline(transaction=False)
            for person in people:
                if leaves:
                    pipe.zrem(_key(person), self._me)
                else:
                    pipe.zadd(_key(person), {self._me: time.time() + HERE_LASTS})
                    pipe.expire(_key(person), HERE_LASTS)
            await pipe.execute()

    async def present(self, people: Collection[int]) -> set[int]:
        """Return which of some people have a socket on any process, as far as Redis knows."""
        if self._redis is None or not self.is_up or not people:
            return set()
        with suppress(*FAULTS):
            pipe = self._redis.pipeline(transaction=False)
            for person in people:
                pipe.zcount(_key(person), time.time(), "+inf")
            return {person for person, count in zip(people, await pipe.execute(), strict=True) if count}
        return set()

    async def close(self) -> None:
        """Let go of Redis."""
        if self._redis is not None:
            with suppress(*FAULTS):
                await self._redis.aclose()


def _key(person: int) -> str:
    return f"sheda:live:here:{person}"
