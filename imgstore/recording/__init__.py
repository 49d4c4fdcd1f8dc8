"""Recording of cameras, with an account of every frame."""

from .accounting import CameraStatus
from .device_clock import ClockSegment
from .frames import RecordedFrame
from .listeners import FrameListener
from .new_recording import record
from .opening import camera_kinds
from .pace import CameraPace, FormatPace, PaceReport, check_rig
from .protocol import Camera, CameraSettings, Counter, FailedGrab, GrabbedFrame, ImageLayout, SourceEndedError
from .recorder import ThreadSeconds
from .recording import Recording
from .rig import Rig, RigCamera, load_rig

__all__ = [
    'Camera',
    'CameraPace',
    'CameraSettings',
    'CameraStatus',
    'ClockSegment',
    'Counter',
    'FailedGrab',
    'FormatPace',
    'FrameListener',
    'GrabbedFrame',
    'ImageLayout',
    'PaceReport',
    'RecordedFrame',
    'Recording',
    'Rig',
    'RigCamera',
    'SourceEndedError',
    'ThreadSeconds',
    'camera_kinds',
    'check_rig',
    'load_rig',
    'record',
]
