"""pylon: Basler's cameras, and those that its software emulates."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..._support.text import one_line
from ...color import Image
from ...errors import FrameReadError, InvalidArgumentError, MissingDependencyError
from ..pixel_formats import image_of_bytes, is_packed, pixel_layout
from ..protocol import Camera, CameraSettings, Counter, FailedGrab, GrabbedFrame
from .buffers import buffer_count
from .frame_features import FrameFeatures
from .genicam_features import TAKES, apply_settings, limits_of_node, read_settings

_MOST_BYTES = 3  # a pixel
_FREQUENCIES = ('GevTimestampTickFrequency', 'BslTimestampTickFrequency')


class PylonCamera(Camera):
    """A camera of Basler, through pypylon.

    With the environment variable ``PYLON_CAMEMU=2``, two cameras are emulated.

    Parameters
    ----------
    address
        Position in pylon's list from 0, serial number or name set by the user.
    """

    takes = TAKES

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._camera: Any = None
        self._pixel_format = ''
        self._ns_a_tick = 1.0

    def open(self) -> None:
        """Find and open the camera."""
        self._pylon = _import_pylon()
        factory = self._pylon.TlFactory.GetInstance()
        device = self._find(list(factory.EnumerateDevices()))
        try:
            self._camera = self._pylon.InstantCamera(factory.CreateDevice(device))
            self._camera.Open()
        except self._pylon.GenericException as error:
            self._camera = None
            raise InvalidArgumentError(
                f'source pylon:{self.address} cannot be opened: {one_line(error)}; close its other users',
                argument='sources',
            ) from error

    def _find(self, devices: list[Any]) -> Any:
        names = [(device.GetSerialNumber(), device.GetUserDefinedName()) for device in devices]
        for device, own in zip(devices, names, strict=True):
            if self.address and self.address in own:
                return device
        if self.address.isdecimal() and int(self.address) < len(devices):
            return devices[int(self.address)]
        known = ', '.join(f'{at} (serial number {serial})' for at, (serial, _) in enumerate(names))
        raise InvalidArgumentError(
            f'source pylon:{self.address} is not there; ' + (f'pylon finds {known}' if known else 'pylon finds none'),
            argument='sources',
        )

    @property
    def pixel_formats(self) -> list[str]:
        """The pixel formats of the open camera."""
        return list(self._camera.PixelFormat.Symbolics)

    def configure(self, settings: CameraSettings) -> None:
        """Set the features of the camera."""
        super().configure(settings)
        apply_settings(_NodeMap(self._camera), settings)
        self._with_frames = FrameFeatures(_NodeMap(self._camera), settings)
        self.line_names = self._with_frames.line_names
        pixel_layout(self._camera.PixelFormat.Value)

    def start(self) -> None:
        """Start the acquisition of every frame, in order."""
        self._pixel_format = self._camera.PixelFormat.Value
        layout = pixel_layout(self._pixel_format)
        is_deep = layout.channels * np.dtype(layout.dtype).itemsize > _MOST_BYTES
        self._has_no_array = is_deep or is_packed(self._pixel_format)
        self.counter = self._counter()
        self._ns_a_tick = self._tick()
        self._camera.MaxNumBuffer.Value = buffer_count(self._camera.PayloadSize.Value)
        self._camera.StartGrabbing(self._pylon.GrabStrategy_OneByOne)

    def _counter(self) -> Counter:
        """Return the range of block ids: 16 bits in GigE Vision, unless extended."""
        if self._camera.GetDeviceInfo().GetDeviceClass() != 'BaslerGigE':
            return Counter(64)
        mode = self._value('GevGVSPExtendedIDMode')
        return Counter(64, first=1) if mode == 'On' else Counter(16, first=1)

    def _tick(self) -> float:
        frequency = next(filter(None, map(self._value, _FREQUENCIES)), None)
        return 1e9 / frequency if frequency else 1.0

    def _value(self, name: str) -> Any:
        with contextlib.suppress(self._pylon.GenericException):
            return getattr(self._camera, name).Value
        return None

    def next_frame(self, timeout: float) -> GrabbedFrame | FailedGrab | None:
        """Return the next frame."""
        try:
            result = self._camera.RetrieveResult(max(1, round(timeout * 1000)), self._pylon.TimeoutHandling_Return)
        except self._pylon.GenericException as error:
            raise self._why_gone(one_line(error)) from error
        if not result.IsValid():
            self._check()
            return None
        with result:
            return self._frame(result, time.monotonic_ns())

    def _frame(self, result: Any, now: int) -> GrabbedFrame | FailedGrab:
        number = result.BlockID
        if not result.GrabSucceeded():
            code = f' ({result.ErrorCode:#x})' if result.ErrorCode else ''
            return FailedGrab(one_line(result.ErrorDescription) + code, now, number)
        device_ns = round(result.TimeStamp * self._ns_a_tick) if result.TimeStamp else None
        values = self._with_frames.read(lambda name: getattr(result, name).Value)
        return GrabbedFrame(self._image(result), self._pixel_format, now, number, device_ns, *values)

    def _image(self, result: Any) -> Image:
        """Return a copy; pypylon makes no array of large and packed pixels."""
        if self._has_no_array:
            return image_of_bytes(result.GetBuffer(), result.Height, result.Width, self._pixel_format)
        image: Image = result.Array
        return image

    def _check(self) -> None:
        if self._camera.IsCameraDeviceRemoved() or not self._camera.IsGrabbing():
            raise self._why_gone('it does not grab')

    def _why_gone(self, reason: str) -> FrameReadError:
        if self._camera.IsCameraDeviceRemoved() or not self._camera.IsPylonDeviceAttached():
            return FrameReadError(f'camera pylon:{self.address} was unplugged')
        return FrameReadError(f'camera pylon:{self.address} gives no more images: {reason}')

    def stop(self) -> None:
        """Stop the acquisition."""
        if self._camera is not None and self._camera.IsGrabbing():
            self._camera.StopGrabbing()

    def close(self) -> None:
        """Close the camera."""
        if self._camera is not None:
            camera, self._camera = self._camera, None
            camera.Close()

    def describe(self) -> dict[str, Any]:
        """Return model, serial number and software."""
        device = self._camera.GetDeviceInfo()
        return {
            'vendor': device.GetVendorName(),
            'model': device.GetModelName(),
            'serial': device.GetSerialNumber(),
            'device_class': device.GetDeviceClass(),
        }

    def settings_in_force(self, names: Iterable[str] = ()) -> dict[str, Any]:
        """Return features of the camera."""
        return read_settings(_NodeMap(self._camera), names)


class _NodeMap:
    """The features of a camera of pylon."""

    def __init__(self, camera: Any) -> None:
        self._camera = camera

    def has(self, name: str) -> bool:
        from pypylon import genicam

        node = self._camera.GetNodeMap().GetNode(name)
        return node is not None and bool(genicam.IsWritable(node))

    def set(self, name: str, value: Any) -> None:
        getattr(self._camera, name).Value = value

    def get(self, name: str) -> Any:
        return getattr(self._camera, name).Value

    def names(self) -> list[str]:
        return [node.Node.Name for node in self._camera.GetNodeMap().GetNodes() if node.Node.IsFeature()]

    def limits(self, name: str) -> Sequence[Any]:
        return limits_of_node(getattr(self._camera, name, None))


def _import_pylon() -> Any:
    try:
        with warnings.catch_warnings():  # pypylon crashes if its deprecations are errors
            warnings.simplefilter('ignore', DeprecationWarning)
            from pypylon import pylon
    except ImportError as error:
        raise MissingDependencyError.for_extra('cameras of Basler need pypylon', 'pypylon', 'pylon') from error
    return pylon
