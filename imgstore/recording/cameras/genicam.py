"""genicam: any camera with a GenTL producer, through harvesters."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...color import Image
from ...errors import InvalidArgumentError, MissingDependencyError
from ..pixel_formats import image_of_bytes, is_packed, pixel_layout
from ..protocol import Camera, CameraSettings, FailedGrab, GrabbedFrame
from .buffers import buffer_count
from .frame_features import FrameFeatures
from .genicam_features import TAKES, apply_settings, limits_of_node, read_settings

_PATHS = 'GENICAM_GENTL64_PATH'
"""Environment variable in which vendors' installers list the folders of their producers."""


class GenICamCamera(Camera):
    """A camera of a vendor whose software has a GenTL producer, a .cti file.

    Parameters
    ----------
    address
        Position from 0 among the cameras of all producers in ``GENICAM_GENTL64_PATH``, or ``FILE.cti:POSITION``.
    """

    takes = TAKES

    def __init__(self, address: str) -> None:
        super().__init__(address)
        producer, _, position = address.rpartition(':')
        self._producers = [producer] if producer else _producers()
        self._position = position
        self._harvester: Any = None
        self._acquirer: Any = None
        self._pixel_format = ''

    def open(self) -> None:
        """Load the producers and open the camera."""
        self._timeout = _timeout_error()
        if not self._position.isdecimal() or not self._producers:
            raise InvalidArgumentError(
                f'source genicam:{self.address} names no camera; write genicam:0, and list the folders of the .cti '
                f'files in {_PATHS}, or write genicam:FILE.cti:0',
                argument='sources',
            )
        self._harvester = _new_harvester()
        for path in self._producers:
            self._harvester.add_file(path)
        self._harvester.update()
        count = len(self._harvester.device_info_list)
        if int(self._position) >= count:
            self.close()
            raise InvalidArgumentError(
                f'source genicam:{self.address} is not there; the producers find {count} cameras', argument='sources'
            )
        self._acquirer = self._harvester.create(int(self._position))

    def configure(self, settings: CameraSettings) -> None:
        """Set the features of the camera."""
        super().configure(settings)
        nodes = self._acquirer.remote_device.node_map
        apply_settings(_NodeMap(nodes), settings)
        self._with_frames = FrameFeatures(_NodeMap(nodes), settings)
        self.line_names = self._with_frames.line_names
        pixel_layout(nodes.PixelFormat.value)

    def start(self) -> None:
        """Start the acquisition."""
        size = getattr(_value(self._acquirer.remote_device.node_map, 'PayloadSize'), 'value', 0)
        self._acquirer.num_buffers = buffer_count(size)
        self._acquirer.start()

    def next_frame(self, timeout: float) -> GrabbedFrame | FailedGrab | None:
        """Return the next frame."""
        try:
            buffer = self._acquirer.fetch(timeout=timeout)
        except self._timeout:
            return None
        now = time.monotonic_ns()
        with buffer:
            if not buffer.is_complete():
                return FailedGrab('the buffer is incomplete', now, _value(buffer, 'frame_id'))
            return self._frame(buffer, now)

    def _frame(self, buffer: Any, now: int) -> GrabbedFrame:
        part = buffer.payload.components[0]
        image = _image(np.array(part.data), part.height, part.width, part.data_format)
        nodes = self._acquirer.remote_device.node_map
        values = self._with_frames.read(lambda name: getattr(nodes, name).value)
        number, at = _value(buffer, 'frame_id'), _value(buffer, 'timestamp_ns')
        return GrabbedFrame(image, part.data_format, now, number, at, *values)

    def stop(self) -> None:
        """Stop the acquisition."""
        if self._acquirer is not None:
            self._acquirer.stop()

    def close(self) -> None:
        """Free the camera and the producers."""
        if self._acquirer is not None:
            acquirer, self._acquirer = self._acquirer, None
            acquirer.destroy()
        if self._harvester is not None:
            harvester, self._harvester = self._harvester, None
            harvester.reset()

    def describe(self) -> dict[str, Any]:
        """Return model, serial number and producers."""
        device = self._harvester.device_info_list[int(self._position)]
        names = {'vendor': 'vendor', 'model': 'model', 'serial': 'serial_number'}
        found = {name: _value(device, of_device) for name, of_device in names.items()}
        return {**found, 'producers': list(self._producers)}

    def settings_in_force(self, names: Iterable[str] = ()) -> dict[str, Any]:
        """Return features of the camera."""
        return read_settings(_NodeMap(self._acquirer.remote_device.node_map), names)


class _NodeMap:
    """The features of a camera of harvesters."""

    def __init__(self, nodes: Any) -> None:
        self._nodes = nodes

    def has(self, name: str) -> bool:
        return hasattr(self._nodes, name)

    def set(self, name: str, value: Any) -> None:
        getattr(self._nodes, name).value = value

    def get(self, name: str) -> Any:
        return getattr(self._nodes, name).value

    def names(self) -> list[str]:
        return [name for name in dir(self._nodes) if name[:1].isupper()]

    def limits(self, name: str) -> Sequence[Any]:
        return limits_of_node(getattr(self._nodes, name, None))


def _image(data: Image, height: int, width: int, pixel_format: str) -> Image:
    """Return the image of a component; harvesters unpacks some formats."""
    if is_packed(pixel_format) and data.size == height * width:
        return data.reshape(height, width).astype(np.uint16, copy=False)
    return image_of_bytes(data.tobytes(), height, width, pixel_format)


def _value(of: Any, name: str) -> Any:
    """Return a value that a producer may lack."""
    with contextlib.suppress(Exception):
        return getattr(of, name)
    return None


def _producers() -> list[str]:
    """Return the producers in the folders of the environment variable."""
    folders = filter(os.path.isdir, os.environ.get(_PATHS, '').split(os.pathsep))
    paths = [os.path.join(folder, name) for folder in folders for name in sorted(os.listdir(folder))]
    return [path for path in paths if path.endswith('.cti')]


def _new_harvester() -> Any:
    try:
        from harvesters.core import Harvester
    except ImportError as error:
        raise MissingDependencyError.for_extra('genicam: needs harvesters', 'harvesters', 'genicam') from error
    return Harvester()


def _timeout_error() -> Any:
    try:
        from genicam.gentl import TimeoutException
    except ImportError as error:
        raise MissingDependencyError.for_extra('genicam: needs harvesters', 'harvesters', 'genicam') from error
    return TimeoutException
