"""Frames of a recording in a program of asyncio, as docs/recording.md shows it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import imgstore
from imgstore.recording import RecordedFrame

from ..helpers.recorded import check_recording


def test_frames_reach_a_coroutine(tmp_path: Path) -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        frames: asyncio.Queue[RecordedFrame] = asyncio.Queue()
        recording = imgstore.record({'a': 'test:96x32,fps=200,frames=60'}, tmp_path / 'r', 'npy')
        recording.on_frame(lambda frame: loop.call_soon_threadsafe(frames.put_nowait, frame), queue_size=100)
        recording.start()
        numbers = [(await frames.get()).number for _ in range(60)]
        assert await asyncio.to_thread(recording.wait, 30)
        await asyncio.to_thread(recording.stop)
        return numbers

    assert asyncio.run(main()) == list(range(60))
    assert check_recording(tmp_path / 'r') == {'a': list(range(60))}


def test_an_event_loop_is_not_blocked_by_a_recording(tmp_path: Path) -> None:
    """A task that wakes every 5 ms does so beside two cameras and their encoders."""

    async def main() -> int:
        sources = dict.fromkeys(('a', 'b'), 'test:320x240,fps=100,frames=100')
        ticks = 0
        with imgstore.record(sources, tmp_path / 'r') as recording:
            waiting = asyncio.create_task(asyncio.to_thread(recording.wait, 30))
            while not waiting.done():
                await asyncio.sleep(0.005)
                ticks += 1
        return ticks

    assert asyncio.run(main()) > 50
