"""The hub: everybody who is connected to this process, and what each is told.

One loop, one reader of the log. A turn reads what nobody was told yet, from one exact position to the next, and tells
those who are here. Whoever joins waits for a turn that began after him, reads by himself up to where that turn came,
and is told with everybody from there on: nothing is missed and nothing comes twice.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from flask import Flask
from prometheus_client import Gauge

from sheda.core.errors import Refusal
from sheda.live import inbound, log, positions, replays, services
from sheda.live.air import Air
from sheda.live.frames import frames_for, with_positions
from sheda.live.peers import BEAT_SECONDS, RESTART, SESSION_ENDED, TRY_AGAIN_LATER, Peer, Socket
from sheda.live.positions import Position

Result = TypeVar("Result")

_log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""How often the log is looked at without a bell: what was committed and not rung for is told by then."""

GATHER_SECONDS = 0.005
"""What happens within this time after a bell is read at once."""

TURN_ROWS = 2_000
"""Rows of one turn: when a job tells thousands of people at once, nobody waits long behind them."""

SESSIONS_SECONDS = 60.0
HERE_SECONDS = 30.0
LEAVE_SECONDS = 3.0
"""How long somebody without a socket is still there: a page that is loaded anew closes one and opens the next."""

PATIENCE_SECONDS = 10.0
"""How long a reader may take for one frame while he is told what he has missed."""

MARKS_SECONDS = 0.05
MOST_PENDING = 2_000
DESKS = 4
"""Threads that work on what clients say."""

JOINS_AT_ONCE = 4

HELD = Gauge("sheda_live_connections", "Connections held", multiprocess_mode="mostrecent")


class Hub:
    """Everybody connected here, by person."""

    def __init__(self, app: Flask, schemas: inbound.Schemas) -> None:
        self.app, self.schemas = app, schemas
        self.loop = asyncio.get_running_loop()
        self.people: dict[int, set[Peer]] = {}
        self.watchers: dict[int, set[Peer]] = {}
        self.count = 0
        self.position = Position("")
        self.air = Air(app.config["REDIS_URL"], self.wake, self._hear)
        self._bell = asyncio.Event()
        self._turn: asyncio.Future[None] = self.loop.create_future()
        self._turns_begun = self._turns_done = 0
        self._marks: list[tuple[int, int]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        # The log is never behind what clients say.
        self._reader = ThreadPoolExecutor(1, "live-reader")
        self._joiners = ThreadPoolExecutor(JOINS_AT_ONCE, "live-joiner")
        self._desks = ThreadPoolExecutor(DESKS, "live-desk")

    # ── Turns ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Tell until cancelled; the database may go away and come back."""
        self.position = await self._until_done(positions.present)
        for work in (self.air.listen, self._tick, self._keep_here, self._check_sessions):
            self.start(work())
        while True:
            try:
                await self._take_turn()
            except Exception:
                _log.exception("the log cannot be read just now")
                await asyncio.sleep(LOOK_SECONDS)

    async def _until_done(self, work: Callable[[], Result]) -> Result:
        while True:
            try:
                return await self._in(self._reader, work)
            except Exception as fault:
                _log.warning("the database does not answer (%s)", type(fault).__name__)
                await asyncio.sleep(LOOK_SECONDS)

    async def _take_turn(self) -> None:
        if not self._bell.is_set():
            timer = self.loop.call_later(LOOK_SECONDS, self._bell.set)
            await self._bell.wait()
            timer.cancel()
        await asyncio.sleep(GATHER_SECONDS)
        self._bell.clear()
        self._turns_begun += 1
        people = frozenset(self.people)
        batch, told = await self._in(self._reader, _read_turn, self.position, people)
        self.position = batch.position
        for person, frames in told.items():
            for peer in self.people.get(person, ()):
                self._tell(peer, frames)
        ended = {one.one_id for one in batch.happenings if one.kind == "session" and one.one_id in self.people}
        if ended:
            self.start(self._end_sessions(ended))
        if batch.has_more:
            self._bell.set()
        self._turns_done = self._turns_begun
        done, self._turn = self._turn, self.loop.create_future()
        done.set_result(None)

    def _tell(self, peer: Peer, frames: list[str]) -> None:
        if peer.is_told:
            for frame in frames:
                peer.tell(frame)
        elif peer.pending is not None:
            peer.pending += frames
            if len(peer.pending) > MOST_PENDING:
                peer.close(TRY_AGAIN_LATER, "Too much happens: connect again, from your last position.")

    def wake(self) -> None:
        """Have the log looked at now; while nobody is here it is passed by now and then."""
        if self.people:
            self._bell.set()

    async def _fresh_turn(self) -> None:
        """Wait until a turn that begins after this call is done, and the log is read to its end."""
        turn = self._turns_begun + 1
        while self._turns_done < turn or self.position.upto is not None:
            self.wake()
            await asyncio.shield(self._turn)

    async def _in(self, desk: ThreadPoolExecutor, work: Callable[..., Result], *arguments: Any) -> Result:
        return await self.loop.run_in_executor(desk, self._within_app, work, *arguments)

    def _within_app(self, work: Callable[..., Result], *arguments: Any) -> Result:
        with self.app.app_context():
            return work(*arguments)

    def start(self, work: Any) -> None:
        """Do something beside, and say so when it fails."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()):
            _log.error("something beside failed", exc_info=fault)

    # ── Coming and going ─────────────────────────────────────────────────────────────────────────────────────────

    def join(self, peer: Peer, said: dict[str, Any]) -> None:
        """Take somebody in, and tell him from where he asked."""
        others = self.people.setdefault(peer.user_id, set())
        if not others:
            self.start(self._come(peer.user_id))
        others.add(peer)
        self.count += 1
        hello = {"type": "hello", "user_id": peer.user_id, "heartbeat_seconds": BEAT_SECONDS}
        peer.tell(json.dumps(hello))
        self.start(self._begin(peer, said))

    async def _begin(self, peer: Peer, said: dict[str, Any]) -> None:
        try:
            await self._catch_up(peer, said)
        except Exception:
            _log.exception("somebody could not be told from his position")
            peer.close(TRY_AGAIN_LATER, "Something went wrong on our side: connect again, from your last position.")

    async def _catch_up(self, peer: Peer, said: dict[str, Any]) -> None:
        await self._fresh_turn()
        bound, peer.pending = self.position, []
        if not await self._in(self._joiners, services.living, [peer.family]):
            peer.close(SESSION_ENDED, "This session has ended: sign in again.")
            return
        resync = False
        asked = said.get("after")
        if asked is not None:
            position = await self._in(self._joiners, _read_position, asked)
            resync = position is None
            while position is not None and not peer.is_closed:
                frames, position = await self._in(self._joiners, _read_missed, peer.user_id, position, bound)
                await self._tell_gently(peer, frames)
        elif said.get("after_id") is not None:
            found = await self._in(self._joiners, replays.everything, peer.user_id, said["after_id"], bound)
            resync = found is None
            await self._tell_gently(peer, found or [])
        pending, peer.pending, peer.is_told = peer.pending, None, True
        for frame in pending:
            peer.tell(frame)
        peer.tell(json.dumps({"type": "ready", "resync": resync, "position": str(self.position)}))

    async def _tell_gently(self, peer: Peer, frames: list[str]) -> None:
        """Tell what was missed no faster than it is read."""
        for frame in frames:
            until = time.monotonic() + PATIENCE_SECONDS
            while peer.unsent and not peer.is_closed:
                if time.monotonic() > until:
                    peer.close(TRY_AGAIN_LATER, "You read too slowly: connect again, from your last position.")
                await asyncio.sleep(0.01)
            peer.tell(frame)

    def leave(self, peer: Peer) -> None:
        """Let somebody go."""
        others = self.people.get(peer.user_id, set())
        if peer not in others:
            return
        others.discard(peer)
        self.count -= 1
        self._watch(peer, frozenset())
        if not others:
            del self.people[peer.user_id]
            self.loop.call_later(LEAVE_SECONDS, self._leave_for_good, peer.user_id)

    def _leave_for_good(self, person: int) -> None:
        if person not in self.people:
            self.start(self._go(person))

    async def _come(self, person: int) -> None:
        await self.air.be_here([person])
        await self.air.say({"kind": "presence", "user_id": person, "online": True})

    async def _go(self, person: int) -> None:
        if await self.air.leave(person):
            await self.air.say({"kind": "presence", "user_id": person, "online": False})

    async def close(self) -> None:
        """Ask everybody to connect again, to the process that comes after this one."""
        for peer in [peer for others in self.people.values() for peer in others]:
            peer.close(RESTART, "We start again: connect again, from your last position.")
        await asyncio.sleep(0.2)
        await self.air.close()

    # ── Sessions and signs of life ───────────────────────────────────────────────────────────────────────────────

    async def _end_sessions(self, people: Collection[int]) -> None:
        peers = [peer for person in people for peer in self.people.get(person, ())]
        alive = await self._until_done(lambda: services.living({peer.family for peer in peers}))
        for peer in peers:
            if peer.family not in alive:
                peer.close(SESSION_ENDED, "This session has ended: sign in again.")

    async def _check_sessions(self) -> None:
        while True:
            await asyncio.sleep(SESSIONS_SECONDS)
            await self._end_sessions(list(self.people))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1)
            now = time.monotonic()
            HELD.set(self.count)
            for peer in [peer for others in self.people.values() for peer in others]:
                peer.tick(now)

    async def _keep_here(self) -> None:
        while True:
            await asyncio.sleep(HERE_SECONDS)
            await self.air.be_here(list(self.people))

    # ── What clients say ─────────────────────────────────────────────────────────────────────────────────────────

    def answer(self, peer: Socket) -> None:
        """Work on what a client has said, one frame after another."""
        if not peer.is_answering:
            peer.is_answering = True
            self.start(self._answer(peer))

    async def _answer(self, peer: Socket) -> None:
        try:
            while not peer.is_closed and (text := peer.next_frame()) is not None:
                done = await self._in(self._desks, inbound.answer, self.schemas, peer.user_id, peer.family, text)
                await self._follow(peer, done)
        finally:
            peer.is_answering = False

    async def _follow(self, peer: Socket, done: inbound.Outcome) -> None:
        if done.session_ended:
            peer.close(SESSION_ENDED, "This session has ended: sign in again.")
        for frame in done.frames:
            peer.tell(frame)
        if done.delivered is not None:
            self._mark(peer.user_id, done.delivered)
        if done.typing_to is not None:
            await self.air.say({"kind": "typing", "user_id": peer.user_id, "to": done.typing_to})
        if done.watched is not None and not peer.is_closed:
            self._watch(peer, done.watched)
            there = await self.air.present(done.watched) | (done.watched & self.people.keys())
            for person in done.watched:
                peer.tell(json.dumps({"type": "presence", "with": person, "online": person in there}))
        if not self.air.is_up:
            self.wake()

    def _mark(self, person: int, message: int) -> None:
        if not self._marks:
            self.loop.call_later(MARKS_SECONDS, lambda: self.start(self._write_marks()))
        self._marks.append((person, message))

    async def _write_marks(self) -> None:
        marks, self._marks = self._marks, []
        await self._in(self._desks, _mark_delivered, marks)
        self.wake()

    def _watch(self, peer: Peer, people: frozenset[int]) -> None:
        for person in peer.watched - people:
            self.watchers[person].discard(peer)
            if not self.watchers[person]:
                del self.watchers[person]
        for person in people - peer.watched:
            self.watchers.setdefault(person, set()).add(peer)
        peer.watched = people

    def _hear(self, word: dict[str, Any]) -> None:
        """Take what goes through the air: from other processes, and from this one."""
        if word.get("kind") == "typing":
            frame = json.dumps({"type": "typing", "with": word["user_id"]})
            for peer in self.people.get(word["to"], ()):
                peer.tell(frame)
        elif word.get("kind") == "presence" and word["user_id"] in self.watchers:
            self.start(self._show_presence(word["user_id"], is_online=word["online"]))

    async def _show_presence(self, person: int, *, is_online: bool) -> None:
        """Tell those who watch somebody, but for whom a block has come between since."""
        watching = {peer.user_id for peer in self.watchers.get(person, ())}
        known = await self._until_done(lambda: services.acquainted(person, watching))
        frame = json.dumps({"type": "presence", "with": person, "online": is_online})
        for peer in [one for one in self.watchers.get(person, ()) if one.user_id in known]:
            peer.tell(frame)


# ── Work of the threads ──────────────────────────────────────────────────────────────────────────────────────────────


def _read_turn(position: Position, people: frozenset[int]) -> tuple[log.Batch, dict[int, list[str]]]:
    if not people:  # whoever comes reads by himself what he has missed
        return log.nothing(positions.present()), {}
    batch = log.since(position, batch=TURN_ROWS)
    told = frames_for(batch.happenings, people)
    return batch, {person: with_positions(frames, batch) for person, frames in told.items()}


def _read_position(text: str) -> Position | None:
    try:
        return positions.read_position(text)
    except Refusal:
        return None


def _read_missed(person: int, position: Position, bound: Position) -> tuple[list[str], Position | None]:
    """Return what somebody was not told up to a bound, and from where to read on; None at the bound."""
    if position.upto is None:
        position = Position(position.since, bound.since, position.after)
    batch = log.since(position, person=person)
    frames = with_positions(frames_for(batch.happenings, {person}).get(person, []), batch)
    reached = batch.position
    return frames, None if reached == bound else reached


def _mark_delivered(marks: list[tuple[int, int]]) -> None:
    if services.mark_delivered(marks):
        services.ring()
