"""One camera and its store, with a thread each."""

from __future__ import annotations

import threading
import time
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from .._support.text import one_line
from ..color import Image
from ..errors import StoreClosedError
from ..formats import resolve_format
from ..options import options_for
from ..stores.factories import ImgStore, new_for_format
from ..writing.create import check_new_store
from .accounting import Accounting, CameraStatus, State
from .device_clock import ClockSegment, DeviceClock
from .event_marks import EventMarks
from .frame_queue import FrameQueue
from .frames import Event, LostFrame, RecordedFrame
from .host_clock import HostClock
from .line_events import LineEvents
from .listeners import FrameListener
from .numbering import FrameNumbers
from .pixel_formats import Conversion, blank_image
from .plans import CAMERA_KEY, Plan
from .protocol import Camera, CameraSettings, FailedGrab, GrabbedFrame, SourceEndedError
from .segments import Border, Cutter, SegmentFolders, SegmentPart

_POLL = 0.1  # seconds in which a camera notices that it is to stop
_PATIENCE = 5.0  # seconds for a camera that hangs
_FIRST, _LATEST = 16, 256  # frames whose times are compared between cameras
_UNSTORED = 1000  # failed grabs before the first frame
STOPPED = 'stopped'


class ThreadSeconds(NamedTuple):
    """CPU time in seconds of the two threads of a camera.

    Attributes
    ----------
    capture : float
        Of the thread that takes frames from the camera.
    copy : float
        Of the thread that hands them to the store.
    """

    capture: float = 0.0
    copy: float = 0.0


class CameraRecorder:
    """Records one camera until it is stopped, its frames end or something fails.

    Parameters
    ----------
    name
        Name of the camera in the recording.
    source
        The source as the user gave it.
    camera
        Open and configured.
    settings
        With which it was configured.
    folder
        Of the store.
    plan
        What all cameras share.
    on_end
        Called after the store is complete.
    segments
        The folders of all segments. None: all frames are in one store.

    Attributes
    ----------
    plan : Plan
        How it is recorded.
    description : dict
        What the camera says of itself, and its settings in force.
    listeners : tuple of FrameListener
        They get each frame.
    thread_seconds : ThreadSeconds
        CPU time of its threads, after their ends.
    latest_frame : RecordedFrame or None
        The frame that came last.
    first, latest : sequence of (int, float)
        Numbers and times of some frames, for comparison with other cameras.
    """

    def __init__(
        self,
        name: str,
        source: str,
        camera: Camera,
        settings: CameraSettings,
        folder: str,
        plan: Plan,
        on_end: Callable[[], None],
        segments: SegmentFolders | None = None,
    ) -> None:
        self.name, self.source, self.camera, self.folder = name, source, camera, folder
        self.plan, self._on_end, self._line_events = plan, on_end, settings.events
        self.description = {
            **camera.describe(),
            'settings': camera.settings_in_force((*settings.features, *settings.extra_data)),
            **({'events': dict(settings.events)} if settings.events else {}),
        }
        self._format = resolve_format(plan.format)
        self._account, self._clock, self._numbers = (
            Accounting(camera.loses),
            DeviceClock(),
            FrameNumbers(camera.counter),
        )
        self._queue: FrameQueue[RecordedFrame | LostFrame | Event | Border] = FrameQueue(plan.buffer_bytes)
        self._segments, self._segment, self._cutter = segments, 0, Cutter(plan.segment, camera.loses)
        self._stored, self._segment_account = 0, self._cutter.account
        self._host: HostClock | None = None
        self._store: ImgStore | None = None
        self._convert: Conversion | None = None
        self._unstored: deque[LostFrame | Event] = deque(maxlen=_UNSTORED)
        self._first_number, self._last_stored = 0, 0
        self._marks, self._edges = EventMarks(), LineEvents((), {})
        self._ends, self._has_ended = threading.Event(), threading.Event()
        self._reason: str | None = None
        self._failed = False
        self.listeners: tuple[FrameListener, ...] = ()
        self.thread_seconds = ThreadSeconds()
        self.latest_frame: RecordedFrame | None = None
        self.first: list[tuple[int, float]] = []
        self.latest: deque[tuple[int, float]] = deque(maxlen=_LATEST)
        self._grabbing = threading.Thread(target=self._grab_all, name=f'imgstore camera {name}', daemon=True)
        self._storing = threading.Thread(target=self._store_all, name=f'imgstore store {name}', daemon=True)

    # --- for the recording

    def check_store(self) -> None:
        """Raise InvalidArgumentError unless a store can hold the images."""
        layout = self.camera.image_layout()
        if layout is None:
            options = {'metadata': {**self.plan.metadata, CAMERA_KEY: self.description}, **self.plan.options}
        else:
            convert = Conversion(layout.pixel_format, self._format)
            options = self._store_options(blank_image(*layout), layout.pixel_format, convert)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of what its creation will warn
            check_new_store(self.folder, self._format, options_for('w', options))

    def start(self, host: HostClock) -> None:
        """Start the camera and both threads."""
        self._host = host
        self._cutter.begin = host.now()
        self._storing.start()
        self._grabbing.start()

    def ask_to_end(self, reason: str) -> None:
        """Let it end after the frame under way; the first reason counts."""
        self._end(reason, failed=False)

    def wait(self) -> None:
        """Wait until the store is complete, after `ask_to_end`."""
        self._grabbing.join(_PATIENCE)
        if self._grabbing.is_alive():  # it hangs in the camera's software: its store is completed without it
            self._end('the camera does not answer', failed=True)
            self._queue.end()
        self._storing.join()

    def note(self, event: Event) -> None:
        """Store an event with the frame that came last."""
        self._queue.put(event)

    @property
    def format(self) -> str:
        """Format of its store."""
        return self.plan.format

    @property
    def has_ended(self) -> threading.Event:
        """Set after the store is complete."""
        return self._has_ended

    @property
    def state(self) -> State:
        """What it does now."""
        if self._host is None:
            return 'ready'
        return 'ended' if self._has_ended.is_set() else 'recording'

    @property
    def clock_segments(self) -> list[ClockSegment]:
        """The lines from the camera's clock to UTC."""
        return self._clock.segments

    def status(self) -> CameraStatus:
        """Return what became of the frames so far."""
        return self._status(self._account, self._frame_count)

    def _status(self, account: Accounting, frames: int) -> CameraStatus:
        return CameraStatus(
            name=self.name,
            state=self.state,
            reason=self._reason,
            failed=self._failed,
            frames=frames,
            first_number=account.first_number,
            last_number=account.last_number,
            missing=account.missing,
            lost={place: account.lost[place] for place in ('camera', 'transport', 'queue')},
            failed_grabs=dict(account.failed_grabs),
            restarts=self._numbers.restarts,
            rate=account.rate,
            largest_gap=account.largest_gap,
            longest_interval=account.longest_interval,
            first_time=account.first_time,
            last_time=account.last_time,
            waiting_bytes=self._queue.waiting,
        )

    @property
    def _frame_count(self) -> int:
        return self._stored + (0 if self._store is None else self._store.frame_count)

    def _end(self, reason: str, failed: bool) -> None:
        if self._reason is None:
            self._reason, self._failed = reason, failed
        self._ends.set()

    # --- the thread of the camera

    def _grab_all(self) -> None:
        try:
            self.camera.start()
            self._numbers = FrameNumbers(self.camera.counter)
            self._edges = LineEvents(self.camera.line_names, self._line_events)
            while not self._ends.is_set():
                grab = self.camera.next_frame(_POLL)
                if grab is not None:
                    self._take(grab)
        except SourceEndedError:
            self._end('the source ended', failed=False)
        except Exception as error:  # noqa: BLE001 -- any error ends this camera alone
            self._end(_as_reason(error), failed=True)
        finally:
            self.thread_seconds = self.thread_seconds._replace(capture=time.thread_time())
            self._queue.end()
            self._stop_camera()

    def _stop_camera(self) -> None:
        for method in (self.camera.stop, self.camera.close):
            try:
                method()
            except Exception as error:  # noqa: BLE001 -- a camera that is gone cannot be stopped
                self._end(_as_reason(error), failed=True)

    def _take(self, grab: GrabbedFrame | FailedGrab) -> None:
        assert self._host is not None
        arrival = self._host.utc(grab.arrival_ns)
        if isinstance(grab, FailedGrab):
            number = None if grab.counter is None else self._number(grab)
            for account in (self._account, self._cutter.account):
                account.failed(grab.reason, number)
            self._queue.put(LostFrame(grab.reason, number, arrival))
            return
        number = self._number(grab)
        at = arrival if grab.device_ns is None else self._clock.utc(grab.device_ns, arrival, number)
        extra = {**({} if grab.lines is None else {'line_status': grab.lines}), **(grab.extra_data or {})}
        frame = RecordedFrame(self.name, grab.image, number, at, arrival, grab.device_ns, grab.pixel_format, extra)
        self._hand_on(frame)
        for edge in self._edges.rising(grab.lines):
            self.note(Event(edge.event, at, {'line': edge.line}))
        if len(self.first) < _FIRST:
            self.first.append((number, at))
        self.latest.append((number, at))
        if self.plan.frames is not None and self._account.kept >= self.plan.frames:
            self._end(STOPPED, failed=False)

    def _number(self, grab: GrabbedFrame | FailedGrab) -> int:
        number = self._numbers.next(grab.counter, grab.arrival_ns)
        if not self.plan.is_triggered:
            return number
        if self._account.first_number is None:
            self._first_number = number
        return number - self._first_number

    def _hand_on(self, frame: RecordedFrame) -> None:
        self.latest_frame = frame
        for listener in self.listeners:
            listener.offer(frame)
        if (border := self._cutter.cut(frame.time)) is not None:
            self._queue.put(border)
        is_kept = self._queue.put(frame)
        for account in (self._account, self._cutter.account):
            account.arrived(frame.number, frame.time, is_kept)

    # --- the thread of the store

    def _store_all(self) -> None:
        try:
            while (item := self._queue.get()) is not None:
                self._store_item(item)
        except StoreClosedError:  # a signal ends the program, and has completed the store
            self._end('the program was ended', failed=False)
        except Exception as error:  # noqa: BLE001 -- any error ends this camera alone
            self._end(_as_reason(error), failed=True)
        finally:
            self.thread_seconds = self.thread_seconds._replace(copy=time.thread_time())
            self._complete()

    def _store_item(self, item: RecordedFrame | LostFrame | Event | Border) -> None:
        if isinstance(item, Border):
            self._next_segment(item)
        elif isinstance(item, RecordedFrame):
            self._store_frame(item)
        else:
            self._unstored.append(item)
        while self._store is not None and self._unstored:
            self._store_note(self._store, self._unstored.popleft())

    def _store_note(self, store: ImgStore, note: LostFrame | Event) -> None:
        store.add_extra_data(**note.extra_data)
        if isinstance(note, Event):
            self._marks.add(self._last_stored, note.name)

    def _store_frame(self, item: RecordedFrame) -> None:
        store = self._create_store(item) if self._store is None else self._store
        assert self._convert is not None
        times = {} if item.device_ns is None else {'device_time_ns': item.device_ns, 'arrival_time': item.arrival}
        extra = {**times, **item.extra_data} or None
        store.add_image(self._convert(item.image), item.number, item.time, extra_data=extra)
        self._last_stored = item.number

    def _create_store(self, frame: RecordedFrame) -> ImgStore:
        """Create the store for images like the first one."""
        self._convert = Conversion(frame.pixel_format, self._format)
        options = self._store_options(frame.image, frame.pixel_format, self._convert)
        self._store = new_for_format(self.plan.format, self.folder, **options)
        return self._store

    def _store_options(self, image: Image, pixel_format: str, convert: Conversion) -> dict[str, Any]:
        stored = convert(image)
        camera = {'name': self.name, 'source': self.source, 'pixel_format': pixel_format}
        return {
            'imgshape': stored.shape,
            'imgdtype': stored.dtype,
            'encoding': convert.encoding or None,
            'metadata': {**self.plan.metadata, CAMERA_KEY: {**camera, **self.description}},
            **self.plan.options,
        }

    def _next_segment(self, border: Border) -> None:
        assert self._segments is not None
        if self._store is not None:
            self._store.close()
        self._leave_segment(is_last=False)
        self._segment, self._segment_account = border.number, border.account
        self.folder = self._segments.enter(self.name, border.number)

    def _leave_segment(self, is_last: bool) -> None:
        """Note what is in the segment, whose store is closed."""
        frames = self._frame_count - self._stored
        self._stored, self._store = self._stored + frames, None
        self._marks.write(self.folder)
        if self._segments is None:
            return
        self._segment_account.ended(frames)
        final = replace(self._status(self._segment_account, frames), state='ended')
        if not is_last:
            final = replace(final, reason=None, failed=False)
        part = SegmentPart(self.name, self.source, self.format, self.description, final, self.clock_segments)
        self._segments.leave(self._segment, part, is_last)

    def _end_account(self) -> None:
        try:
            self._leave_segment(is_last=True)
        except Exception as error:  # noqa: BLE001 -- what could be stored is complete
            self._end(_as_reason(error), failed=True)
        self._account.ended(self._frame_count)

    def _complete(self) -> None:
        try:
            if self._store is not None:
                self._store.close()
        except Exception as error:  # noqa: BLE001 -- what could be stored is complete
            self._end(_as_reason(error), failed=True)
        self._ends.set()
        self._grabbing.join(_PATIENCE)
        self._end_account()
        self._has_ended.set()
        self._on_end()


def _as_reason(error: Exception) -> str:
    return one_line(error) or type(error).__name__
