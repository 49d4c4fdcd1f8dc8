"""aravis: GigE Vision and USB3 Vision cameras, through Aravis."""

from __future__ import annotations

import contextlib
import threading
import time
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from ...errors import FrameReadError, InvalidArgumentError, MissingDependencyError
from ..pixel_formats import image_of_bytes, pixel_layout
from ..protocol import Camera, CameraSettings, Counter, FailedGrab, GrabbedFrame
from .buffers import buffer_count
from .frame_features import FrameFeatures
from .genicam_features import TAKES, apply_settings, read_settings


class AravisCamera(Camera):
    """A camera of any vendor, through Aravis and GObject introspection.

    Parameters
    ----------
    address
        Position in Aravis' list from 0, identifier such as 'Basler-12345678', or IP address. '' is the first camera.
    """

    takes = TAKES

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._camera: Any = None
        self._stream: Any = None
        self._is_gone = threading.Event()
        self._pixel_format = ''

    def open(self) -> None:
        """Find and open the camera."""
        self._aravis = _import_aravis()
        try:
            self._camera = self._aravis.Camera.new(self._identifier())
        except _glib_error() as error:
            raise InvalidArgumentError(
                f'source aravis:{self.address} cannot be opened: {error.message}', argument='sources'
            ) from error
        self._camera.get_device().set_range_check_policy(self._aravis.RangeCheckPolicy.ENABLE)
        self._camera.get_device().connect('control-lost', lambda _: self._is_gone.set())

    def _identifier(self) -> str | None:
        if not self.address.isdecimal():
            return self.address or None
        self._aravis.update_device_list()
        count = self._aravis.get_n_devices()
        if int(self.address) >= count:
            raise InvalidArgumentError(
                f'source aravis:{self.address} is not there; Aravis finds {count} cameras', argument='sources'
            )
        identifier: str = self._aravis.get_device_id(int(self.address))
        return identifier

    def configure(self, settings: CameraSettings) -> None:
        """Set the features of the camera."""
        super().configure(settings)
        features = _DeviceFeatures(self._camera.get_device(), self._aravis.GcFloat)
        apply_settings(features, settings)
        self._with_frames = FrameFeatures(features, settings)
        self.line_names, self._chunks = self._with_frames.line_names, self._camera.create_chunk_parser()
        pixel_layout(self._camera.get_pixel_format_as_string())

    def start(self) -> None:
        """Start the acquisition."""
        self._pixel_format = self._camera.get_pixel_format_as_string()
        self.counter = Counter(16, first=1) if self._has_short_ids() else Counter(64)
        self._stream = self._camera.create_stream(None, None)
        payload = self._camera.get_payload()
        for _ in range(buffer_count(payload)):
            self._stream.push_buffer(self._aravis.Buffer.new_allocate(payload))
        self._camera.start_acquisition()

    def _has_short_ids(self) -> bool:
        if not self._camera.is_gv_device():
            return False
        with contextlib.suppress(_glib_error()):
            mode: str = self._camera.get_string('GevGVSPExtendedIDMode')
            return mode != 'On'
        return True

    def next_frame(self, timeout: float) -> GrabbedFrame | FailedGrab | None:
        """Return the next frame."""
        buffer = self._stream.timeout_pop_buffer(round(timeout * 1e6))
        if buffer is None:
            if self._is_gone.is_set():
                raise FrameReadError(f'camera aravis:{self.address} was unplugged')
            return None
        try:
            return self._frame(buffer, time.monotonic_ns())
        finally:
            self._stream.push_buffer(buffer)

    def _frame(self, buffer: Any, now: int) -> GrabbedFrame | FailedGrab:
        number, status = buffer.get_frame_id(), buffer.get_status()
        if status != self._aravis.BufferStatus.SUCCESS:
            return FailedGrab(status.value_nick.replace('-', ' '), now, number)
        height, width = buffer.get_image_height(), buffer.get_image_width()
        image = image_of_bytes(buffer.get_image_data(), height, width, self._pixel_format)
        values = self._with_frames.read(lambda name: self._chunk(buffer, name))
        return GrabbedFrame(image, self._pixel_format, now, number, buffer.get_timestamp() or None, *values)

    def _chunk(self, buffer: Any, name: str) -> Any:
        for kind in ('integer', 'float', 'boolean', 'string'):  # another is an error
            with contextlib.suppress(_glib_error()):
                return getattr(self._chunks, f'get_{kind}_value')(buffer, name)
        raise KeyError(name)

    def stop(self) -> None:
        """Stop the acquisition, unless the camera is gone."""
        if self._stream is not None:
            self._stream = None
            if not self._is_gone.is_set():
                self._camera.stop_acquisition()

    def close(self) -> None:
        """Free the camera."""
        self._camera = None

    def describe(self) -> dict[str, Any]:
        """Return model and serial number."""
        return {
            'vendor': self._camera.get_vendor_name(),
            'model': self._camera.get_model_name(),
            'serial': self._camera.get_device_serial_number(),
            'software': 'Aravis 0.8',
        }

    def settings_in_force(self, names: Iterable[str] = ()) -> dict[str, Any]:
        """Return features of the camera."""
        return read_settings(_DeviceFeatures(self._camera.get_device(), self._aravis.GcFloat), names)


class _DeviceFeatures:
    """The features of a camera of Aravis."""

    def __init__(self, device: Any, of_floats: type) -> None:
        self._device, self._of_floats = device, of_floats

    def has(self, name: str) -> bool:
        try:
            return bool(self._device.is_feature_available(name))
        except _glib_error():
            return False

    def set(self, name: str, value: Any) -> None:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if is_number and isinstance(self._device.get_feature(name), self._of_floats):
            value = float(value)
        if isinstance(value, bool):
            self._device.set_boolean_feature_value(name, value)
        elif isinstance(value, int):
            self._device.set_integer_feature_value(name, value)
        elif isinstance(value, float):
            self._device.set_float_feature_value(name, value)
        else:
            self._device.set_string_feature_value(name, str(value))

    def get(self, name: str) -> Any:
        for kind in ('boolean', 'string', 'integer', 'float'):  # another is an error; an enumeration is an integer, too
            with contextlib.suppress(_glib_error()):
                return getattr(self._device, f'get_{kind}_feature_value')(name)
        raise KeyError(name)

    def names(self) -> list[str]:
        nodes, found, categories = self._device.get_genicam(), list[str](), ['Root']
        while categories:
            for name in nodes.get_node(categories.pop()).get_features():
                is_category = hasattr(nodes.get_node(name), 'get_features')
                (categories if is_category else found).append(name)
        return found

    def limits(self, name: str) -> Sequence[Any]:
        for method in (
            self._device.dup_available_enumeration_feature_values_as_strings,
            self._device.get_integer_feature_bounds,
            self._device.get_float_feature_bounds,
        ):
            with contextlib.suppress(_glib_error()):  # it is of another kind
                return list(method(name))
        return ()


def _import_aravis() -> Any:
    try:
        import gi

        gi.require_version('Aravis', '0.8')
        with warnings.catch_warnings():  # of the importer of gi
            warnings.simplefilter('ignore', ImportWarning)
            from gi.repository import Aravis, GLib  # noqa: F401
    except (ImportError, ValueError) as error:
        raise MissingDependencyError(
            'cameras of aravis: need GObject introspection and Aravis 0.8: apt-get install gir1.2-aravis-0.8 '
            'python3-gi, and use the Python of the system',
            name='gi',
        ) from error
    return Aravis


def _glib_error() -> Any:
    from gi.repository import GLib

    return GLib.Error
