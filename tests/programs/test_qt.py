"""Frames of a recording in a program of Qt, as docs/recording.md shows it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QCoreApplication, QObject, pyqtSignal

import imgstore
import imgstore.recording

from ..helpers.recorded import check_recording


class Frames(QObject):  # type: ignore[misc] # PyQt6 is not installed where this is checked
    arrived = pyqtSignal(object)


class Window(QObject):  # type: ignore[misc] # PyQt6 is not installed where this is checked
    """Notes the frames and their threads, and quits after the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []
        self.threads: set[Any] = set()

    def show_frame(self, frame: imgstore.recording.RecordedFrame) -> None:
        self.numbers.append(frame.number)
        self.threads.add(threading.current_thread())
        if frame.number == 49:
            QCoreApplication.quit()


def test_a_signal_hands_frames_to_the_thread_of_the_window(tmp_path: Path) -> None:
    app = QCoreApplication.instance() or QCoreApplication([])
    frames, window = Frames(), Window()
    frames.arrived.connect(window.show_frame)
    recording = imgstore.record({'a': 'test:96x32,fps=100,frames=50,buffers=9999'}, tmp_path / 'r', 'npy')
    recording.on_frame(frames.arrived.emit, queue_size=64)
    app.aboutToQuit.connect(recording.stop)
    recording.start()
    app.exec()
    assert window.numbers == list(range(50))
    assert window.threads == {threading.main_thread()}
    assert check_recording(tmp_path / 'r') == {'a': list(range(50))}
