"""Video recordings of hours to weeks, for analysis frame by frame."""

from typing import TYPE_CHECKING, Any

from . import _launch, errors
from ._support import opencv as _opencv  # noqa: F401 -- before all that needs OpenCV
from ._version import __version__
from .color import ensure_color, ensure_grayscale
from .reading.frame_stream import Frame
from .stores.factories import (
    DirectoryImgStore,
    ImgStore,
    ReadOptions,
    VideoImgStore,
    WriteOptions,
    extract_only_frame,
    get_supported_formats,
    new_for_filename,
    new_for_format,
)

if TYPE_CHECKING:
    from .maintenance.repair import repair
    from .maintenance.verify import verify
    from .recording import record
    from .stores.multi import MultiStore

__all__ = [
    'DirectoryImgStore',
    'Frame',
    'ImgStore',
    'MultiStore',
    'ReadOptions',
    'VideoImgStore',
    'WriteOptions',
    '__version__',
    'ensure_color',
    'ensure_grayscale',
    'errors',
    'extract_only_frame',
    'get_supported_formats',
    'new_for_filename',
    'new_for_format',
    'record',
    'repair',
    'test',
    'verify',
]


_LATE = {
    'MultiStore': '.stores.multi',
    'record': '.recording',
    'repair': '.maintenance.repair',
    'verify': '.maintenance.verify',
}
"""Names that few programs use, with their modules."""


def __getattr__(name: str) -> Any:
    """Import a name of `_LATE` at its first use."""
    if name not in _LATE:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from importlib import import_module

    globals()[name] = found = getattr(import_module(_LATE[name], __name__), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def test() -> bool:
    """Run the package's tests. See ``imgstore-test``.

    Returns
    -------
    bool
        Whether all passed.
    """
    from .apps import main_test

    return main_test([]) == 0


_launch.end()
