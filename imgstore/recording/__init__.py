"""Recording of cameras, with an account of every frame."""

from .accounting import CameraStatus
from .device_clock import ClockSegment
from .frames import RecordedFrame
from .listeners import FrameListener
from .new_recording import record
from .opening import camera_kinds
from .protocol import Camera, CameraSettings, Counter, FailedGrab, GrabbedFrame, SourceEndedError
from .recording import Recording

__all__ = [
    'Camera',
    'CameraSettings',
    'CameraStatus',
    'ClockSegment',
    'Counter',
    'FailedGrab',
    'FrameListener',
    'GrabbedFrame',
    'RecordedFrame',
    'Recording',
    'SourceEndedError',
    'camera_kinds',
    'record',
]
