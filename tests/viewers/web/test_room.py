"""The memory for answers is bounded; a client that reads nothing loses its share to one that waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from imgstore.viewers.web import room
from imgstore.viewers.web.room import NoRoomError, Room


class Client:
    """A client of which a test says what it does."""

    def __init__(self, stalled_for: float | None = None, is_gone: bool = False) -> None:
        self.unread_since = None if stalled_for is None else time.monotonic() - stalled_for
        self.is_gone = is_gone

    def drop(self) -> None:
        self.is_gone = True


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


async def answer(memory: Room, size: int, client: Client, order: list[int], seconds: float = 0.0) -> None:
    async with memory.hold(size, client):
        order.append(size)
        await asyncio.sleep(seconds)


def test_answers_that_fit_together_do_not_wait() -> None:
    async def work() -> None:
        memory = Room(100)
        async with memory.hold(60, Client()), memory.hold(40, Client()), memory.hold(0, Client()):
            pass

    run(work())


def test_an_answer_larger_than_all_is_prepared_alone() -> None:
    async def work() -> None:
        memory, order = Room(100), list[int]()
        async with memory.hold(10, Client()):
            waiting = asyncio.ensure_future(answer(memory, 1000, Client(), order))
            await asyncio.sleep(0.05)
            assert order == []
        await waiting
        assert order == [1000]

    run(work())


def test_the_newest_answer_comes_first() -> None:
    async def work() -> None:
        memory, order = Room(100), list[int]()
        async with memory.hold(100, Client()):
            waiting = []
            for size in (91, 92, 93):
                waiting.append(asyncio.ensure_future(answer(memory, size, Client(), order)))
                await asyncio.sleep(0)
        await asyncio.gather(*waiting)
        assert order == [93, 92, 91]

    run(work())


def test_only_the_client_stalled_for_longest_is_dropped() -> None:
    async def work() -> None:
        memory, order = Room(100), list[int]()
        reads, stalls, stalls_longer = Client(), Client(stalled_for=2), Client(stalled_for=3)
        async with memory.hold(30, reads), memory.hold(30, stalls), memory.hold(30, stalls_longer):
            waiting = asyncio.ensure_future(answer(memory, 20, Client(), order))
            await asyncio.sleep(0.06)
            assert [client.is_gone for client in (reads, stalls, stalls_longer)] == [False, False, True]
        await waiting
        assert order == [20]

    run(work())


def test_a_client_that_has_left_waits_no_longer() -> None:
    async def work() -> None:
        memory = Room(100)
        async with memory.hold(100, Client(stalled_for=0.1)):
            with pytest.raises(NoRoomError):
                await answer(memory, 50, Client(is_gone=True), [])

    run(work())


def test_a_wait_for_memory_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, 'WAIT_SECONDS', 0.05)

    async def work() -> None:
        memory = Room(100)
        async with memory.hold(100, Client()) as held:
            held.grow(200)
            assert held.size == 200
            with pytest.raises(NoRoomError):
                await answer(memory, 50, Client(), [])

    run(work())
