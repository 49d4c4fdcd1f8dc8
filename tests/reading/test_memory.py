"""Memory, files and threads are let go at once: no garbage collection is needed, and none runs here."""

import contextlib
import ctypes
import gc
import itertools
import os
import random
import threading
import wave

import av
import cv2
import numpy as np
import pytest

import imgstore
from imgstore.chunks.video.backends import BACKENDS, backend_works
from imgstore.chunks.video.filter_graphs import Converter
from imgstore.chunks.video.pixels import FrameConverter
from imgstore.convert import convert
from imgstore.errors import FrameNotFoundError, FrameReadError
from imgstore.export import FileSound, export_video, select
from imgstore.formats import resolve_format
from imgstore.reading.image_reader import ImageReader

from ..helpers.checked import not_none

pytestmark = [pytest.mark.once, pytest.mark.usefixtures('small_as_large')]

SHAPE, SMALL, COUNT = (480, 640, 3), (120, 160, 3), 300
MIB = 2**20
FORMATS = imgstore.get_supported_formats()
ALLOWED = 40 * MIB  # much less than the images that are read, and more than what is kept to be used again


def used():
    """Bytes of memory, file descriptors and threads of this process."""
    ctypes.CDLL(None).malloc_trim(0)  # what is free already
    with open('/proc/self/statm') as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE'), len(os.listdir('/proc/self/fd')), threading.active_count()


def check_nothing_is_left(before):
    memory, files, threads = used()
    assert (files, threads) == before[1:]
    assert memory - before[0] < ALLOWED


def check_nothing_grows(use):
    """What malloc keeps grows once, a leak with each use."""
    before = used()
    use()
    if used()[0] - before[0] >= ALLOWED:
        before = used()
        use()
    check_nothing_is_left(before)


@pytest.fixture(autouse=True)
def _no_garbage_collection():
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    gc.collect()


def picture(number, shape=SHAPE):
    image = np.roll(np.add.outer(np.arange(shape[0]), np.arange(shape[1])).astype(np.uint8), number, 0)
    return image if len(shape) == 2 else cv2.merge([image, image[::-1], image[:, ::-1]])


def record(path, fmt, count=COUNT, shape=SHAPE):
    with imgstore.new_for_format(fmt, path, imgshape=shape, chunksize=count // 3 + 1) as store:
        for number in range(count):
            store.add_image(picture(number, shape), number, number / 25)
    return path


@pytest.fixture(scope='module', params=['mjpeg/avi', 'h264/mkv', 'avc1/mp4'])
def video(request, tmp_path_factory):
    return record(tmp_path_factory.mktemp('video') / 's', request.param)


def readers():
    """Each format, in colour if it can be, with each backend that reads it here."""
    for fmt in map(resolve_format, FORMATS):
        for backend in [None] if fmt.is_image_folder else BACKENDS:
            if fmt.is_image_folder or backend_works(not_none(backend), fmt.codec, fmt.extension, 'read'):
                yield fmt.name, backend, SMALL if not fmt.is_gray else SMALL[:2]


# --- frames


def test_frames_that_were_held_and_dropped_free_their_memory(video):
    with imgstore.new_for_filename(video, backend='pyav', cache_bytes=0) as store:
        held = [store.get_next_image()[0] for _ in range(20)]
        del held
        before = used()
        held = [store.get_next_image()[0] for _ in range(150)]
        assert used()[0] - before[0] > ALLOWED
        del held
        memory = used()[0] - before[0]
    assert memory < ALLOWED


def test_frames_read_in_batches_free_their_memory(video):
    with imgstore.new_for_filename(video, backend='pyav') as store:
        store.get_images(frame_indices=range(3))
    before = used()

    def use():
        with imgstore.new_for_filename(video, backend='pyav', cache_bytes=16 * MIB) as store:
            for batch in range(10):
                images, *_ = store.get_images(frame_indices=[(100 * batch + step) % COUNT for step in range(100)])
                del images
            assert used()[0] - before[0] < ALLOWED + 64 * MIB

    use()
    check_nothing_grows(use)


# --- readers that nobody closes


def read_at_random(store, seed):
    rng = random.Random(seed)
    for _ in range(5):
        store.get_image(None, frame_index=rng.randrange(len(store)))


def read_on(store, _):
    for _ in range(12):  # and more are read ahead
        store.get_next_image()


def read_many(store, _):
    store.get_images(frame_indices=range(0, len(store), 7))  # of several chunks at once


def follow(store, _):
    frames = store.follow()
    next(frames)
    next(frames)


def take_slices(store, seed):
    store[::5], store[seed % 9], store[[1, -1], 3:5]


def loop(store, _):
    frames = iter(store)  # dropped before the end
    next(frames)
    next(frames)
    next(store.frames(3, step=2))


def read_batches(store, _):
    next(store.batches(7, 4))


def fail(store, _):
    read_on(store, _)
    with contextlib.suppress(FrameNotFoundError):
        store.get_image(10**6)


def readers_there():
    """How many readers of images are not freed; one that is part of a cycle waits for the garbage collector."""
    return sum(isinstance(there, ImageReader) for there in gc.get_objects())


@pytest.mark.parametrize(('fmt', 'backend', 'shape'), [*readers()])
def test_readers_that_are_dropped_leave_nothing_behind(tmp_path, fmt, backend, shape):
    record(tmp_path / 's', fmt, 36, shape)

    def use(seed):
        for way in (read_at_random, read_on, read_many, follow, take_slices, loop, read_batches, fail):
            way(imgstore.new_for_filename(tmp_path / 's', backend=backend), seed)

    def use_often():
        for seed in range(10):
            use(seed)
            assert used()[1:] == before[1:]

    use(0)
    before, readers_before = used(), readers_there()
    check_nothing_grows(use_often)
    assert readers_there() == readers_before


@pytest.mark.parametrize('fmt', ['mjpeg/avi', 'h264/mkv'])
def test_fifty_dropped_readers_leak_nothing(tmp_path, fmt):
    """Fifty readers that are held and then dropped leave no memory or descriptors in use."""
    record(tmp_path / 's', fmt, 60, (240, 320, 3))

    def use(count):
        held = [imgstore.new_for_filename(tmp_path / 's', cache_bytes=4 * MIB) for _ in range(count)]
        for seed, store in enumerate(held):
            read_at_random(store, seed)

    use(50)
    check_nothing_grows(lambda: use(50))


def test_dropped_reader_of_damaged_video_frees_memory(tmp_path):
    """A reader of a damaged video that is dropped leaves nothing in memory."""
    path = record(tmp_path / 's', 'h264/mkv', 30)
    for chunk in sorted(path.glob('*.mkv')):
        content = bytearray(chunk.read_bytes())
        content[len(content) // 3 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
        chunk.write_bytes(content)

    def use():
        store, failed = imgstore.new_for_filename(path), 0
        for index in [*range(30), *range(29, -1, -1)]:
            try:
                store.get_image(None, frame_index=index)
            except FrameReadError:
                failed += 1
        return failed

    assert use()
    check_nothing_grows(lambda: [use() for _ in range(5)])


def test_followed_store_stays_open_without_other_reference(tmp_path):
    """A store that is being followed stays open even if nothing else refers to it."""
    record(tmp_path / 's', 'h264/mkv', 36)
    frames = imgstore.new_for_filename(tmp_path / 's').follow()
    assert [number for _, (number, _) in frames] == list(range(36))


# --- exports


def test_exports_and_conversions_leave_nothing_behind(tmp_path):
    record(tmp_path / 's', 'h264/mkv', 60, (240, 320, 3))

    number = itertools.count()

    def use():
        with imgstore.new_for_filename(tmp_path / 's') as store:
            export_video(select(store), tmp_path / f'{next(number)}.mkv', codec='h264')
        convert(tmp_path / 's', tmp_path / str(next(number)), 'mjpeg/avi')

    use()
    check_nothing_grows(lambda: [use() for _ in range(3)])


def sound_file(path, channels):
    with wave.open(str(path), 'wb') as file:
        file.setparams((channels, 2, 44100, 0, 'NONE', ''))
        file.writeframes(np.random.default_rng(0).integers(-9000, 9000, 2 * 44100 * channels, np.int16).tobytes())
    return path


def graphs_there():
    """How many filter graphs PyAV has not freed; each of sound holds up to half a MiB."""
    return sum(isinstance(there, av.filter.Graph) for there in gc.get_objects())


@pytest.mark.parametrize('extension', ['.mkv', '.mp4'])
@pytest.mark.parametrize('channels', [1, 6])
@pytest.mark.parametrize('seconds', [1, 4])  # a part of the sound, and all of it with silence behind
def test_exports_with_sound_leave_no_filter_graph_behind(tmp_path, extension, channels, seconds):
    record(tmp_path / 's', 'png', 25 * seconds, SMALL[:2])
    sound = FileSound(sound_file(tmp_path / 'a.wav', channels))
    export = graphs_of_exports(tmp_path, extension, sound)
    next(export)
    before = graphs_there()
    check_nothing_grows(lambda: [next(export) for _ in range(3)])
    assert graphs_there() == before


def graphs_of_exports(path, extension, sound):
    with imgstore.new_for_filename(path / 's') as store:
        while True:
            export_video(select(store), path / f'film{extension}', sounds=[sound], overwrite=True)
            yield graphs_there()


def test_failed_export_with_sound_leaves_no_filter_graph(tmp_path):
    """An export with sound that fails leaves no filter graph in memory."""
    record(tmp_path / 's', 'png', 50, SMALL[:2])
    sound = FileSound(sound_file(tmp_path / 'a.wav', 2))
    with imgstore.new_for_filename(tmp_path / 's') as store:
        before = graphs_there()
        for extension in ('.mkv', '.mp4'):
            left = [*range(40)]
            with pytest.raises(IndexError):
                export_video(select(store), tmp_path / f'film{extension}', sounds=[sound], progress=left.pop)
    assert graphs_there() == before


# --- conversion to BGR


def frame(width, height, pixel_format, colorspace=2, color_range=0):
    made = av.VideoFrame(width, height, pixel_format)
    for plane in made.planes:
        plane.update(np.random.default_rng(width).integers(0, 256, plane.buffer_size, np.uint8).tobytes())
    made.colorspace, made.color_range = colorspace, color_range
    return made


def bgr(converter, taken):
    plane = converter.convert(taken)
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: taken.height, : 3 * taken.width].copy()


KINDS = [
    (pixel_format, colorspace, color_range)
    for pixel_format in ('yuv420p', 'yuvj420p', 'yuv422p', 'yuv444p', 'yuv420p10le', 'nv12', 'gray', 'bgr24')
    for colorspace in (1, 2, 5, 9)
    for color_range in (0, 1, 2)
]


def test_a_graph_that_is_used_again_converts_as_a_new_one_does(monkeypatch):
    monkeypatch.setattr(
        'imgstore.chunks.video.filter_graphs._idle', type('Unused', (), {'take': _new_graph, 'put': print})()
    )
    cases = [(*size, *kind) for kind in KINDS for size in ((64, 48), (65, 97), (320, 241))]
    expected = {case: bgr(Converter(), frame(*case)) for case in cases}
    monkeypatch.undo()
    random.Random(1).shuffle(cases)
    converter = Converter()
    for number, case in enumerate(cases):
        np.testing.assert_array_equal(bgr(converter, frame(*case)), expected[case])
        if number % 5 == 0:
            converter.close()


def _new_graph(_, key):
    from imgstore.chunks.video.filter_graphs import _Graph

    return _Graph(key)


def test_graphs_go_from_one_video_to_the_next(monkeypatch):
    from imgstore.chunks.video import filter_graphs as graphs

    bgr(Converter(), frame(64, 48, 'yuv420p'))
    monkeypatch.setattr(graphs, '_configured', None)
    for size in ((64, 48), (1280, 720), (66, 50)):
        bgr(Converter(), frame(*size, 'yuv420p'))


def test_bgr_image_shares_no_memory_with_kept_frame():
    """An image of a BGR video shares no memory with the frame that is kept."""
    kept, images = frame(64, 48, 'bgr24'), FrameConverter(color=True)
    first = images.to_array(kept).copy()
    images.to_array(kept)[:] = 7
    np.testing.assert_array_equal(images.to_array(kept), first)


@pytest.mark.parametrize('tag', [0, 3, 255])
def test_tags_that_change_no_colour_are_accepted(tag):
    """Tags that do not change the colours are no reason to refuse a frame."""
    expected, tagged = bgr(Converter(), frame(64, 48, 'yuv420p')), frame(64, 48, 'yuv420p')
    tagged.color_trc = tagged.color_primaries = tag
    np.testing.assert_array_equal(bgr(Converter(), tagged), expected)


def test_a_frame_that_cannot_be_converted_says_why():
    with pytest.raises(FrameReadError, match=r'pixel format yuv420p, colourspace 10 .* cannot be converted'):
        Converter().convert(frame(64, 48, 'yuv420p', 10))
