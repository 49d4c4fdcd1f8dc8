"""FFmpeg's filters for colour conversion, reused and never freed.

PyAV 19 leaves that to the garbage collector.
"""

from __future__ import annotations

import gc
import itertools
import weakref
from collections import defaultdict, deque
from typing import Any

from ..._support.cpu import THREADS
from ..._support.forking import leak, register_fork_handler
from ...errors import FrameReadError
from ..base import MOST_IN_RUNS

MOST_IMAGES = 4 * THREADS + MOST_IN_RUNS
"""Maximum images in reusable memory: prefetched ones and those of the caller."""

_MOST_OF_A_GRAPH = MOST_IMAGES // THREADS

_SMALL = 16  # pixels, both ways
_UNSPECIFIED = 2  # https://ffmpeg.org/doxygen/trunk/pixfmt_8h.html

Key = tuple[str, int, int]
"""Pixel format, colourspace and range of frames; a graph accepts one of these, with any size."""


class _Graph:
    """One filter graph. Its scaler reuses memory for images.

    Frames with another key would get wrong colours; frames of another size are fine.
    """

    def __init__(self, key: Key) -> None:
        self.key = key
        self._places: set[int] = set()
        self._graph = _configured(key)

    def convert(self, frame: Any) -> Any:
        """Convert a PyAV frame to a plane in BGR."""
        if len(self._places) > _MOST_OF_A_GRAPH:
            self.shrink()
        plane = self._converted(frame)
        self._places.add(plane.buffer_ptr)
        return plane

    def _converted(self, frame: Any) -> Any:
        self._graph.push(frame)
        converted = self._graph.pull()
        given = converted.format.name, converted.width, converted.height
        if given != ('bgr24', frame.width, frame.height):
            raise ValueError(f'FFmpeg returned {given}')
        return converted.planes[0]

    def shrink(self) -> None:
        """Free the memory of large images; the next frame sets the size again."""
        self._converted(_small_frame(self.key))
        self._places = set()


def _configured(key: Key) -> Any:
    from av.filter import Graph

    pixel_format, colorspace, color_range = key
    graph = Graph()
    graph.threads = 1
    taken = (
        f'video_size={_SMALL}x{_SMALL}:pix_fmt={pixel_format}:time_base=1/1:colorspace={colorspace}:range={color_range}'
    )
    filters = [
        graph.add(*given)
        for given in (('buffer', taken), ('scale', 'flags=bicubic:eval=frame'), ('format', 'bgr24'), ('buffersink',))
    ]
    for source, target in itertools.pairwise(filters):
        source.link_to(target)
    graph.configure()
    return graph


def free_filters(holder: Any) -> None:
    """Free the filter graph of a resampler or audio encoder.

    It is unusable afterwards.

    In PyAV 19 a graph and its filters reference each other in dictionaries without attributes.
    """
    from av import AudioResampler
    from av.filter import Graph

    for held in gc.get_referents(holder):
        if isinstance(held, AudioResampler):
            free_filters(held)
        elif isinstance(held, Graph):
            for filters in gc.get_referents(held):
                if isinstance(filters, dict):
                    filters.clear()


def _small_frame(key: Key) -> Any:
    import av

    frame: Any = av.VideoFrame(_SMALL, _SMALL, key[0])
    frame.colorspace, frame.color_range = key[1:]
    return frame


class _Idle:
    """Graphs not in use by a video. Thread-safe."""

    def __init__(self) -> None:
        self._graphs: defaultdict[Key, deque[_Graph]] = defaultdict(deque)
        register_fork_handler(self, _Idle.reset_after_fork)

    def take(self, key: Key) -> _Graph:
        """Return a graph for frames with a key; create one if needed."""
        return _pop(self._graphs[key]) or _Graph(key)

    def put(self, graph: _Graph) -> None:
        """Keep a graph without memory of images."""
        graph.shrink()
        self._graphs[graph.key].append(graph)

    def reset_after_fork(self) -> None:
        """Start without graphs in a forked child."""
        leak(self._graphs)
        self._graphs = defaultdict(deque)


_idle = _Idle()


class Converter:
    """Converter of frames of one video to BGR. Thread-safe.

    Its graphs keep memory of images until it is closed or freed. Then other videos use the graphs.
    """

    def __init__(self) -> None:
        self._own: deque[_Graph] = deque()
        register_fork_handler(self, Converter.reset_after_fork)
        weakref.finalize(self, _give_back, self._own).atexit = False

    def convert(self, frame: Any) -> Any:
        """Convert a PyAV frame to a plane in BGR; its own plane if in BGR already.

        Raises FrameReadError.
        """
        import av

        key = frame.format.name, int(frame.colorspace), int(frame.color_range)
        frame.color_trc = frame.color_primaries = _UNSPECIFIED  # no effect on colours, but FFmpeg rejects some values
        try:
            graph = self._take(key)
            plane = graph.convert(frame)  # after an error the state of the graph is unknown
        except (av.FFmpegError, ValueError) as error:
            raise FrameReadError(
                f'a frame of pixel format {key[0]}, colourspace {key[1]} and range {key[2]} '
                f'cannot be converted to BGR: {error}'
            ) from error
        self._own.append(graph)
        return plane

    def _take(self, key: Key) -> _Graph:
        while (graph := _pop(self._own)) is not None:
            if graph.key == key:
                return graph
            _idle.put(graph)
        return _idle.take(key)

    def close(self) -> None:
        """Return the graphs for other videos."""
        _give_back(self._own)

    def reset_after_fork(self) -> None:
        """Start without graphs in a forked child."""
        leak([*self._own])
        self._own.clear()


def _give_back(graphs: deque[_Graph]) -> None:
    while (graph := _pop(graphs)) is not None:
        _idle.put(graph)


def _pop(graphs: deque[_Graph]) -> _Graph | None:
    try:
        return graphs.pop()
    except IndexError:
        return None
