"""A recording of one or several cameras, from Python."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from operator import attrgetter
from types import TracebackType
from typing import Any, Self

from .._support.validation import not_allowed
from ..errors import InvalidArgumentError, StoreExistsError, StoreIOError
from ..ondisk.files import StrPath
from ..writing.sigterm import SignalGuard
from .accounting import CameraStatus
from .frames import RecordedFrame, checked_event
from .host_clock import HostClock
from .listeners import Drop, FrameCallback, FrameListener
from .new_folder import free_bytes, new_folder
from .opening import Source, check_serials, new_camera, shown_source, with_source
from .plans import Plan
from .protocol import CameraSettings
from .recorder import STOPPED, CameraRecorder, ThreadSeconds
from .segments import SegmentFolders
from .session_file import SessionFile
from .triggers import trigger_mismatches

_EVERY = 60.0  # seconds between two versions of recording.yaml
_MOST_SET = 0.1  # seconds by which the computer's clock may be set without a note
_LAST_CALLS = 2.0  # seconds for callbacks to end
_FIRST, _LATEST = attrgetter('first'), attrgetter('latest')


class Recording:
    """Cameras and their stores. Make one with `imgstore.record`.

    All methods may be called from any thread.

    Attributes
    ----------
    folder : str
        Folder with the stores and recording.yaml.
    cameras : tuple of str
        Names of the cameras, which are those of their stores.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        settings: Mapping[str, CameraSettings],
        folder: StrPath,
        plan: Plan,
        duration: float | None,
        plans: Mapping[str, Plan] | None = None,
        explained: Callable[[str, InvalidArgumentError], InvalidArgumentError] | None = None,
    ) -> None:
        self.folder, self.cameras = new_folder(folder), tuple(sources)
        self._duration, self._plan, self._plans = duration, plan, plans or dict.fromkeys(sources, plan)
        self._explained = explained or partial(with_source, sources)
        self._changed = threading.Condition(threading.RLock())
        self._listeners: list[FrameListener] = []
        self._host: HostClock | None = None
        self._guard: SignalGuard | None = None
        self._finishing = threading.RLock()
        self._is_stopped = self._is_finished = False
        self._process = os.getpid()
        self._file = SessionFile(self.folder, plan)
        self._segments = (
            None if plan.segment is None else SegmentFolders(self.folder, sources, self._segment_file, self._write_file)
        )
        self._recorders = self._opened(sources, settings)

    def _opened(self, sources: Mapping[str, Source], settings: Mapping[str, CameraSettings]) -> list[CameraRecorder]:
        """Open and configure all cameras, or none."""
        recorders = []
        with contextlib.ExitStack() as stack:
            for name, source in sources.items():
                with self._naming(name):
                    camera = new_camera(source)
                    stack.callback(camera.close)
                    camera.open()
                    camera.configure(settings[name])
                    folder, plan, shown = os.path.join(self.folder, name), self._plans[name], shown_source(source)
                    recorders.append(
                        CameraRecorder(name, shown, camera, settings[name], folder, plan, self._on_end, self._segments)
                    )
                    check_serials({each.name: each.description for each in recorders})
                    recorders[-1].check_store()
            stack.pop_all()
        return recorders

    @contextlib.contextmanager
    def _naming(self, name: str) -> Iterator[None]:
        """Let errors name the camera."""
        try:
            yield
        except InvalidArgumentError as error:
            raise self._explained(name, error) from error

    # --- starting and stopping

    def start(self) -> None:
        """Create the folder and start all cameras; a second call does nothing.

        Raises
        ------
        InvalidArgumentError
            The recording was stopped. Make another one.
        StoreIOError
            The folder cannot be written. The cameras are closed.
        """
        with self._changed:
            if self._is_stopped:
                raise InvalidArgumentError(f'the recording in {self.folder!r} has ended; make another one to record')
            if self._host is not None:
                return
            self._create_folder()
            host = self._host = HostClock()
        self._guard = SignalGuard(self._end_for_signal)
        atexit.register(self.stop)
        for recorder in self._recorders:
            recorder.start(host)
        threading.Thread(target=self._watch, name='imgstore recording', daemon=True).start()

    def _create_folder(self) -> None:
        try:
            os.makedirs(self.folder, exist_ok=True)
            if self._segments is not None:
                self._file.more = {'segment_seconds': self._plan.segment, 'segments': self._segments.names}
                for recorder in self._recorders:
                    recorder.folder = self._segments.enter(recorder.name, 0)
            self._file.begin(self._recorders)
        except (OSError, StoreExistsError) as error:
            self._is_stopped = True
            self._close_cameras()
            if isinstance(error, StoreExistsError):
                raise
            raise StoreIOError(f'cannot record in {self.folder!r}: {error}', path=self.folder) from error

    def _segment_file(self, folder: str) -> SessionFile:
        return SessionFile(folder, self._plan)

    def _close_cameras(self) -> None:
        for recorder in self._recorders:
            recorder.camera.close()

    def stop(self, reason: str = STOPPED) -> None:
        """Stop all cameras and complete their stores; a second call only waits.

        Parameters
        ----------
        reason : str
            Stored with each camera that still records.

        Raises
        ------
        StoreIOError
            recording.yaml cannot be written. The stores are complete.
        Exception
            A callback of `on_frame` raised it. The stores are complete.
        """
        if os.getpid() != self._process:
            return  # a forked child leaves the recording to its parent
        with self._changed:
            self._is_stopped = True
        if self._host is None:
            self._close_cameras()
            return
        for recorder in self._recorders:
            recorder.ask_to_end(reason)
        for recorder in self._recorders:
            recorder.wait()
        with self._finishing:
            is_first, self._is_finished = not self._is_finished, True
            if is_first:
                self._finish()

    def _finish(self) -> None:
        for listener in self._listeners:
            listener.end(_LAST_CALLS)
        try:
            self._file.finish(self._recorders, self._all_notes())
        except OSError as error:
            raise StoreIOError(f'recording.yaml cannot be written: {error}', path=self.folder) from error
        finally:
            atexit.unregister(self.stop)
            if self._guard is not None:
                self._guard.release()
        for listener in self._listeners:
            if listener.error is not None:
                raise listener.error

    def _end_for_signal(self) -> None:
        """Complete the recording before a signal ends the program."""
        self.stop('stopped by a signal')

    def _all_notes(self) -> list[str]:
        assert self._host is not None
        notes, moved = [], self._host.set_by
        if abs(moved) > _MOST_SET:
            notes.append(
                f"the computer's clock was set by {moved:+.3f} s during the recording; the times of the frames go on "
                f'by its time at the start'
            )
        if self._plan.is_triggered:
            first, latest = (
                {each.name: list(frames(each)) for each in self._recorders} for frames in (_FIRST, _LATEST)
            )
            notes += trigger_mismatches(first, latest)
        return notes

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            self.stop(STOPPED if error is None else f'stopped by {_name_of(error)}')
        except Exception:
            if error is None:
                raise

    # --- meanwhile

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all cameras have ended.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Returns
        -------
        bool
            Whether all have ended.
        """
        with self._changed:
            return self._changed.wait_for(self._have_all_ended, timeout)

    def _have_all_ended(self) -> bool:
        return (self._is_stopped and self._host is None) or all(each.has_ended.is_set() for each in self._recorders)

    def status(self) -> dict[str, CameraStatus]:
        """Return what became of the frames so far, by the names of the cameras."""
        return {recorder.name: recorder.status() for recorder in self._recorders}

    def latest_frame(self, camera: str) -> RecordedFrame | None:
        """Return the frame of a camera that came last; None before the first one."""
        self._chosen(camera)
        return next(recorder.latest_frame for recorder in self._recorders if recorder.name == camera)

    def disk_free(self) -> int:
        """Return the free bytes on the disk, 0 if it does not say."""
        return free_bytes(self.folder)

    @property
    def buffer_bytes(self) -> int:
        """Memory for the frames of each camera that wait for its store."""
        return self._plan.buffer_bytes

    def thread_seconds(self) -> dict[str, ThreadSeconds]:
        """Return the CPU time of the threads of each camera, after `stop`."""
        return {recorder.name: recorder.thread_seconds for recorder in self._recorders}

    @property
    def notes(self) -> tuple[str, ...]:
        """What is wrong with all cameras together, after `stop`."""
        return self._file.notes

    def mark(self, name: str, cameras: str | Iterable[str] | None = None, **values: Any) -> float:
        """Note an event now, as extra data of the latest frame of each camera.

        Parameters
        ----------
        name : str
            What happened. It is ``event`` in the extra data.
        cameras : str or iterable of str, optional
            Names of the cameras. Default: all.
        **values
            Further extra data, which JSON can hold.

        Returns
        -------
        float
            Its time in seconds since 1970. It is ``event_time`` in the extra data.

        Raises
        ------
        InvalidArgumentError
            The recording does not run, all these cameras have ended, or there is no such camera.
        ExtraDataTypeError
            JSON cannot hold a value.
        """
        chosen, checked = self._chosen(cameras), checked_event(name, values)
        if self._host is None or self._is_stopped:
            raise InvalidArgumentError(f'the recording in {self.folder!r} does not run', argument='name')
        event = checked._replace(time=self._host.now())
        running = [each for each in self._recorders if each.name in chosen and not each.has_ended.is_set()]
        if not running:
            raise not_allowed('cameras', cameras, 'those cameras have ended')
        for recorder in running:
            recorder.note(event)
        return event.time

    def _chosen(self, cameras: str | Iterable[str] | None) -> tuple[str, ...]:
        if cameras is None:
            return self.cameras
        chosen = (cameras,) if isinstance(cameras, str) or not isinstance(cameras, Iterable) else tuple(cameras)
        for name in chosen or ['']:
            if name not in self.cameras:
                raise not_allowed('cameras', cameras, f'the cameras are {", ".join(self.cameras)}; without it, all are')
        return chosen

    def on_frame(
        self,
        callback: FrameCallback,
        cameras: str | Iterable[str] | None = None,
        queue_size: int = 1,
        drop: Drop = 'oldest',
    ) -> FrameListener:
        """Call a function with each frame, in a thread of its own.

        The frame comes at its arrival, before it is stored. Frames that the function is too slow for are not lost:
        they are in the store.

        Parameters
        ----------
        callback : callable
            Gets a `RecordedFrame`. If it raises an exception, it is not called again, and `stop` raises that.
        cameras : str or iterable of str, optional
            Names of the cameras. Default: all.
        queue_size : int
            Number of frames that may wait for it.
        drop : {'oldest', 'newest'}
            The frame it does not get if more would wait.

        Returns
        -------
        FrameListener
            Counts the frames that it got, and those that it did not get.

        Raises
        ------
        InvalidArgumentError
            An argument is not allowed, or the recording has ended.
        """
        chosen = self._chosen(cameras)
        listener = FrameListener(callback, queue_size, drop)
        with self._changed:
            if self._is_stopped:
                raise InvalidArgumentError(f'the recording in {self.folder!r} has ended', argument='callback')
            self._listeners.append(listener)
            listener.start()
        for recorder in self._recorders:
            if recorder.name in chosen:
                recorder.listeners = (*recorder.listeners, listener)
        return listener

    def _on_end(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _watch(self) -> None:
        """Stop the cameras after the duration, and keep recording.yaml up to date."""
        begin = time.monotonic()
        end = float('inf') if self._duration is None else begin + self._duration
        while not self.wait(max(0.0, min(_EVERY, end - time.monotonic()))):
            if time.monotonic() >= end:
                for recorder in self._recorders:
                    recorder.ask_to_end(STOPPED)
                for recorder in self._recorders:
                    recorder.wait()
                return
            self._write_file()

    def _write_file(self) -> None:
        """Bring recording.yaml up to date while the cameras record."""
        with self._finishing, contextlib.suppress(OSError):  # `stop` reports it
            if self._host is not None and not self._is_finished:
                self._file.write(self._recorders)


def _name_of(error: BaseException) -> str:
    return {KeyboardInterrupt: 'Ctrl-C', SystemExit: 'the end of the program'}.get(type(error), type(error).__name__)
