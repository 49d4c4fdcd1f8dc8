"""Video frames are found exactly, whatever the video is, and one that is damaged is never given as if it were whole."""

import os
import struct
from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgstore.chunks.video import backends, cursor
from imgstore.chunks.video.backends import choose_backend, new_reader
from imgstore.chunks.video.decoder import decode as decode_packet
from imgstore.chunks.video.frame_cache import FrameCache
from imgstore.chunks.video.numbered import SAMPLES, numbered_image
from imgstore.errors import FrameReadError, InvalidArgumentError
from imgstore.formats import resolve_format
from imgstore.stores import new_for_filename, new_for_format

from ...helpers.checked import not_none
from ...helpers.format_table import CROPPED, ROWS, VIDEO_FORMATS
from ...helpers.frames import index_in, numbered
from ...helpers.raised import raises
from ...helpers.spying import spy
from ...helpers.videos import RECIPES, SHAPE, Recipe, make_video
from ...helpers.writing import video_backends

BACKENDS = ('pyav', 'opencv')
both_backends = pytest.mark.parametrize('backend', BACKENDS)


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    """-> path of the video by a recipe, which is made once."""
    folder, made = tmp_path_factory.mktemp('videos'), {}

    def path(name):
        if name not in made:
            made[name] = folder / (name + RECIPES[name].extension)
            make_video(made[name], RECIPES[name])
        return str(made[name])

    return path


def copied(path, tmp_path, edit):
    """A copy of a file whose bytes were edited; -> its path."""
    with open(path, 'rb') as file:
        data = bytearray(file.read())
    edited = edit(data)
    copy = str(tmp_path / ('edited' + os.path.splitext(path)[1]))
    with open(copy, 'wb') as file:
        file.write(data if edited is None else edited)
    return copy


def packets(path):
    """(position, size, time) of a video's packets, in the file's order."""
    with av.open(path) as container:
        return [(p.pos, p.size, p.pts) for p in container.demux(container.streams.video[0]) if p.size]


def read_all(reader, order):
    """Index found in each frame, None where it is refused."""
    found = {}
    for index in order:
        try:
            found[index] = index_in(reader.read(index))
        except FrameReadError:
            found[index] = None
    return found


# --- exact


@both_backends
@pytest.mark.parametrize('name', RECIPES)
@pytest.mark.slow
def test_every_frame_is_found_forwards_backwards_and_at_random(video, name, backend):
    count = len(RECIPES[name].times)
    every = range(0, count, 1 + count // 50)
    with new_reader(backend, video(name), color=True) as reader:
        assert reader.count() == count
        for order in (every, every[::-1], np.random.default_rng(1).permutation(every).tolist()):
            assert [(i, index_in(reader.read(i))) for i in order] == [(i, i) for i in order]


@both_backends
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_frame_is_found_in_any_order_between_errors_too(video, backend, data):
    name = data.draw(
        st.sampled_from(
            [
                'b_frames_mkv',
                'open_gops_mp4',
                'intra_refresh_mkv',
                'equal_times_mkv',
                'h264_b_frames_avi',
                'mjpeg_avi',
                'variable_rate_mp4',
                'without_cues_mkv',
            ]
        )
    )
    with new_reader(backend, video(name), color=True, seek=data.draw(st.booleans())) as reader:
        for index in data.draw(st.lists(st.integers(0, 42), min_size=1, max_size=25)):
            if index < 40:
                assert index_in(reader.read(index)) == index
            else:
                with pytest.raises(FrameReadError, match='has only 40 readable frames'):
                    reader.read(index)


@both_backends
def test_times_of_decoding_are_not_taken_for_times_of_showing(video, tmp_path, backend):
    """A container may show each frame one frame later than it is decoded, though none are reordered."""
    path = str(tmp_path / 'late.mp4')
    with av.open(video('constant_rate_mkv')) as source, av.open(path, 'w') as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.pts += 40
                packet.stream = stream
                container.mux(packet)
    with new_reader(backend, path, color=True) as reader:
        assert read_all(reader, (1, 39, 20, 2, 0)) == {1: 1, 39: 39, 20: 20, 2: 2, 0: 0}


@both_backends
@pytest.mark.parametrize('claimed', [0, 7, 39, 41, 2**31 - 1])
def test_a_header_that_lies_about_the_count_is_not_believed(video, tmp_path, backend, claimed):
    def edit(data):
        for mark, offset in ((b'avih', 8 + 16), (b'strh', 8 + 32)):
            struct.pack_into('<I', data, data.index(mark) + offset, claimed)

    with new_reader(backend, copied(video('mjpeg_avi'), tmp_path, edit), color=True) as reader:
        assert reader.count() == 40
        assert read_all(reader, (39, 3, 0, 20)) == {39: 39, 3: 3, 0: 0, 20: 20}


@both_backends
@pytest.mark.parametrize('kept', [0, 5, 39])
def test_an_avi_index_that_is_cut_off_hides_no_frame(video, tmp_path, backend, kept):
    def edit(data):
        return data[: data.index(b'idx1') + 8 + 16 * kept]

    with new_reader(backend, copied(video('mjpeg_avi'), tmp_path, edit), color=True) as reader:
        assert reader.count() == 40
        assert read_all(reader, (39, 3, 0, 20)) == {39: 39, 3: 3, 0: 0, 20: 20}


@both_backends
def test_seek_false_never_seeks(video, monkeypatch, backend):
    sought = []
    monkeypatch.setattr(cursor.VideoCursor, '_seek_to', lambda *_: sought.append('pyav'))

    class Capture:
        def __init__(self, *arguments):
            self._capture = cv2_capture(*arguments)

        def set(self, what, value):
            if what in (cv2.CAP_PROP_POS_FRAMES, cv2.CAP_PROP_POS_MSEC, cv2.CAP_PROP_POS_AVI_RATIO):
                sought.append('opencv')
            return self._capture.set(what, value)

        def __getattr__(self, name):
            return getattr(self._capture, name)

    cv2_capture = cv2.VideoCapture
    monkeypatch.setattr(cv2, 'VideoCapture', Capture)
    for name in ('b_frames_mkv', 'mjpeg_avi'):
        with new_reader(backend, video(name), color=True, seek=False) as reader:
            assert read_all(reader, (5, 6, 30, 2, 39)) == {5: 5, 6: 6, 30: 30, 2: 2, 39: 39}
    assert sought == []


# --- stores that inserted videos


def inserted(extension):
    return [
        name
        for name, recipe in RECIPES.items()
        if (recipe.extension, recipe.shape) == (extension, SHAPE) and '10' not in recipe.pixel_format
    ]


@pytest.fixture(scope='module')
def stores(video, tmp_path_factory):
    """-> folder of a store of an extension: 12 frames of its own, then each video as a chunk; and its frames."""
    made = {}

    def of(extension):
        if extension not in made:
            folder = str(tmp_path_factory.mktemp('stores') / 'store')
            fmt = {'.avi': 'mjpeg/avi', '.mkv': 'h264/mkv', '.mp4': 'avc1/mp4'}[extension]
            frames = []
            with new_for_format(fmt, folder, imgshape=SHAPE, chunksize=6) as store:
                for index in range(12):
                    frames.append((index, 1000 + index, index / 10))
                    store.add_image(numbered(index, SHAPE), *frames[-1][1:])
                for nth, name in enumerate(inserted(extension), 1):
                    new = [(i, nth * 10_000 - 3 * i, nth * 100 + i / 10) for i in range(len(RECIPES[name].times))]
                    store.insert_chunk(video(name), [f[1] for f in new], [f[2] for f in new], move=False)
                    frames += new
            made[extension] = folder, frames
        return made[extension]

    return of


@both_backends
@pytest.mark.parametrize('extension', ['.avi', '.mkv', '.mp4'])
@pytest.mark.slow
def test_inserted_videos_are_exact_by_index_number_and_time(stores, extension, backend):
    """A store with inserted videos gives the exact frame by index, number and time."""
    folder, frames = stores(extension)
    with new_for_filename(folder, backend=backend) as store:
        assert store.frame_count == len(frames)
        assert store.chunks == list(range(2 + len(inserted(extension))))
        for index in np.random.default_rng(2).integers(0, len(frames), 60).tolist():
            for image, found in (
                store.get_image(None, frame_index=index),
                store.get_image(frames[index][1]),
                store.get_nearest_image(frames[index][2] + 0.01),
            ):
                assert (index_in(image), *found) == frames[index]
            if index + 1 < len(frames):
                image, found = store.get_next_image()
                assert (index_in(image), *found) == frames[index + 1]


def test_inserted_videos_are_read_across_chunks(stores):
    """A store with inserted videos is read sequentially from chunk to chunk."""
    folder, frames = stores('.avi')
    with new_for_filename(folder) as store:
        for frame in frames:
            image, found = store.get_next_image()
            assert (index_in(image), *found) == frame
        with pytest.raises(EOFError):
            store.get_next_image()


# --- damaged


def damaged(path, tmp_path, which, seed=None):
    """A copy of a video in which the packet of frame `which` is zeroed, or has noise in a half of it."""
    times = sorted(time for _, _, time in packets(path))
    position, size, _ = next(packet for packet in packets(path) if packet[2] == times[which])

    def edit(data):
        if seed is None:
            data[position + 4 : position + size] = bytes(size - 4)
        else:
            noise = np.random.default_rng(seed).integers(0, 256, size - size // 3, np.uint8)
            data[position + size // 3 : position + size] = noise.tobytes()

    return copied(path, tmp_path, edit)


def read_damaged(path, whole, order, frames=None):
    """Indexes of the frames that are refused, and of those that are given though they are not what they were."""
    refused, wrong = set(), set()
    with new_reader('pyav', path, color=True, frames=frames) as reader:
        for index in order:
            try:
                image = reader.read(index)
            except FrameReadError:
                refused.add(index)
            else:
                if not np.array_equal(image, whole[index]):
                    wrong.add(index)
    return refused, wrong


@pytest.mark.slow
@pytest.mark.parametrize(
    'name', ['mjpeg_avi', 'constant_rate_mkv', 'variable_rate_mp4', 'many_slices_mkv', 'b_frames_mp4', 'open_gops_mkv']
)
@pytest.mark.parametrize('which', [10, 15])
def test_damaged_frame_refuses_only_itself_and_dependents(video, tmp_path, name, which):
    """A damaged frame and the frames decoded from it are refused, and all other frames are right."""
    with new_reader('pyav', video(name), color=True) as reader:
        whole = [reader.read(index) for index in range(40)]
    path = damaged(video(name), tmp_path, which)
    refused, wrong = read_damaged(path, whole, range(40))
    assert not wrong
    assert which in refused
    assert not refused & {*range(7), *range(24, 40)}, 'only frames near it are lost'
    if name == 'mjpeg_avi':
        assert refused == {which}
    for order in (range(39, -1, -1), np.random.default_rng(3).permutation(40).tolist()):
        assert read_damaged(path, whole, order) == (refused, set())


@pytest.mark.parametrize(
    'name', ['mjpeg_avi', 'constant_rate_mkv', 'many_slices_mkv', 'b_frames_mp4', 'open_gops_mkv', 'mpeg4_b_frames_mp4']
)
def test_wrongly_decoded_frames_are_noticed_if_possible(video, tmp_path, name):
    """Most do: noise is mostly no valid bitstream. There are no checksums in these formats."""
    with new_reader('pyav', video(name), color=True) as reader:
        whole = [reader.read(index) for index in range(40)]
    given = 0
    for seed in range(10):
        refused, wrong = read_damaged(damaged(video(name), tmp_path, 10 + seed % 7, seed), whole, range(7, 24))
        given += bool(wrong)
        assert refused or wrong
    assert given <= 3


@both_backends
@pytest.mark.parametrize('name', ['mjpeg_avi', 'constant_rate_mkv', 'b_frames_mkv', 'b_frames_mp4'])
def test_absent_video_frame_is_refused_by_both_backends(video, tmp_path, name, backend):
    """A frame that is absent from its video is refused by both backends, and other frames are found."""
    path = damaged(video(name), tmp_path, 17)
    for order in (range(40), range(39, -1, -1)):
        with new_reader(backend, path, color=True) as reader:
            found = read_all(reader, order)
        assert found[17] is None
        assert [found[i] for i in (*range(10), *range(30, 40))] == [*range(10), *range(30, 40)]


@pytest.mark.parametrize('which', [1, 20, 39])
def test_lost_avi_packet_shifts_no_later_frame(video, tmp_path, which):
    """A lost packet of an AVI file does not shift the frames after it."""
    places = packets(video('mjpeg_avi'))

    def edit(data):
        data[places[which][0] - 8] ^= 0xFF  # the head of its chunk

    path = copied(video('mjpeg_avi'), tmp_path, edit)
    for order in (range(40), range(39, -1, -1), (0, which, 39, which + 1, 5)):
        with new_reader('pyav', path, color=True, frames=40) as reader:
            assert read_all(reader, order) == {i: None if i == which else i for i in order if i < 40} | {
                i: None for i in order if i >= 40
            }


def test_lost_mkv_packet_shifts_no_later_frame(video, tmp_path):
    """Where they come at an even pace and are not reordered, as ours are."""
    original = video('constant_rate_mkv')
    with new_reader('pyav', original, color=True) as reader:
        whole = [reader.read(index) for index in range(40)]
    position = packets(original)[13][0]

    def edit(data):
        begin = data.rindex(b'\xa3', 0, position)  # a SimpleBlock: its length is made that of another element
        data[begin] = 0xEC  # EBML's element for what is to be skipped

    path = copied(original, tmp_path, edit)
    assert len(packets(path)) == 39
    for order in (range(40), range(39, -1, -1)):
        assert read_damaged(path, whole, order, frames=40) == (set(range(13, 20)), set())


@pytest.mark.slow
@pytest.mark.parametrize('bit', [5, 6, 8, 9, 10, 11, 15])
@pytest.mark.parametrize('which', [0, 13, 39])
def test_damaged_mkv_frame_time_shifts_no_other_frame(video, tmp_path, which, bit):
    """A frame of an MKV file whose time is damaged does not shift other frames."""
    original = video('constant_rate_mkv')
    with new_reader('pyav', original, color=True) as reader:
        whole = [reader.read(index) for index in range(40)]
    block = packets(original)[which][0]  # the number of its track, and two bytes of time

    def edit(data):
        data[block + 2 - bit // 8] ^= 1 << bit % 8

    path = copied(original, tmp_path, edit)
    for order in (range(40), range(39, -1, -1)):
        refused, wrong = read_damaged(path, whole, order)
        assert not wrong
        assert refused <= {index for index in range(40) if index // 10 == which // 10}


def counted(monkeypatch):
    """The frames whose packets the decoder is given from now on."""
    given, decode = [], decode_packet

    def count(packet, *more):
        given.extend([packet.pts] * bool(packet.size))
        return decode(packet, *more)

    monkeypatch.setattr(cursor, 'decode', count)
    return given


def test_backwards_no_frame_is_decoded_twice(tmp_path, monkeypatch):
    recipe = replace(RECIPES['constant_rate_mkv'], times=[40 * i for i in range(60)])
    make_video(tmp_path / 'long.mkv', recipe)
    with new_reader('pyav', str(tmp_path / 'long.mkv'), color=True, kept=FrameCache(2**26)) as reader:
        given = counted(monkeypatch)
        assert read_all(reader, range(59, -1, -1)) == {index: index for index in range(60)}
    assert len(given) == 60


def test_a_jump_to_a_keyframe_decodes_nothing_else(tmp_path, monkeypatch):
    """Threads that wait for further frames would decode several."""
    recipe = replace(RECIPES['constant_rate_mkv'], options={'g': '1', 'bf': '0'})
    make_video(tmp_path / 'keys.mkv', replace(recipe, times=[40 * i for i in range(60)]))
    with new_reader('pyav', str(tmp_path / 'keys.mkv'), color=True) as reader:
        assert index_in(reader.read(0)) == 0
        given = counted(monkeypatch)
        jumps = [40, 7, 59, 12, 30]
        assert [index_in(reader.read(index)) for index in jumps] == jumps
    assert len(given) == len(jumps)


@pytest.mark.parametrize('group', [1, 2, 3, 10])
def test_from_any_frame_on_each_is_decoded_once(tmp_path, monkeypatch, group):
    recipe = replace(RECIPES['constant_rate_mkv'], options={'g': str(group), 'bf': '0'})
    make_video(tmp_path / 'long.mkv', replace(recipe, times=[40 * i for i in range(60)]))
    given = counted(monkeypatch)
    for begin in range(20, 31):
        given.clear()
        with new_reader('pyav', str(tmp_path / 'long.mkv'), color=True) as reader:
            assert read_all(reader, range(begin, 60)) == {index: index for index in range(begin, 60)}
        assert len(given) == 60 - begin // group * group


def test_an_unknown_codec_is_an_error_that_names_the_file(video, tmp_path):
    path = copied(video('variable_rate_mp4'), tmp_path, lambda data: data.replace(b'avc1', b'zzzz'))
    with pytest.raises(FrameReadError, match='unknown codec'):
        new_reader('pyav', path, color=True)


@both_backends
@pytest.mark.parametrize(
    'name', ['mjpeg_avi', 'audio_first_avi', 'constant_rate_mkv', 'b_frames_mp4', 'fragmented_mp4']
)
def test_cut_off_video_gives_rest_and_never_wrong_frame(video, tmp_path, name, backend):
    """A cut-off video gives the frames that remain and never a wrong frame."""
    length = os.path.getsize(video(name))
    for percent in (0, 1, 30, 60, 95):
        path = copied(video(name), tmp_path, lambda data, end=length * percent // 100: data[:end])
        found = dict.fromkeys(range(40))
        try:
            with new_reader(backend, path, color=True, frames=40) as reader:
                found = read_all(reader, (39, *range(40), 0))
                assert reader.count() <= 40
        except FrameReadError:
            assert percent < 30 or name == 'b_frames_mp4', 'an mp4 without the index at its end is nothing'
        assert all(value in (None, index) for index, value in found.items())
        if percent == 60 and name != 'b_frames_mp4':
            assert found[5] == 5


@both_backends
def test_cut_off_video_with_index_in_front_is_exact(video, tmp_path, backend):
    """A cut-off video with its index in front gives the frames that remain and never a wrong one."""
    make_video(tmp_path / 'front.mp4', replace(RECIPES['variable_rate_mp4'], muxer={'movflags': 'faststart'}))
    path = copied(str(tmp_path / 'front.mp4'), tmp_path, lambda data: data[: len(data) * 6 // 10])
    with new_reader(backend, path, color=True) as reader:
        found = read_all(reader, (39, *range(40), 39, 3))
        assert 3 < reader.count() < 40
    assert found[3] == 3
    assert found[39] is None
    assert all(value in (None, index) for index, value in found.items())


@both_backends
@pytest.mark.parametrize('data', [b'', b'no video', bytes(5000), b'RIFF\x00\x00\x00\x00AVI LIST', b'\x1aE\xdf\xa3'])
def test_a_file_that_is_no_video_is_an_error_that_names_it(tmp_path, backend, data):
    for extension in ('.avi', '.mkv', '.mp4'):
        path = tmp_path / ('none' + extension)
        path.write_bytes(data)
        with pytest.raises(FrameReadError, match='none'), new_reader(backend, str(path), color=True) as reader:
            reader.read(0)
    with pytest.raises(FrameReadError, match='missing'):
        new_reader(backend, str(tmp_path / 'missing.avi'), color=True)


def test_a_file_with_sound_alone_is_no_video(tmp_path):
    path = str(tmp_path / 'sound.mkv')
    with av.open(path, 'w') as container:
        stream = container.add_stream('pcm_s16le', rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format='s16', layout='mono')
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    for backend in BACKENDS:
        with pytest.raises(FrameReadError, match='sound'):
            new_reader(backend, path, color=True)


@pytest.mark.parametrize('which', [100, 110])
def test_missing_frames_are_not_decoded_repeatedly(tmp_path, monkeypatch, which):
    """Missing frames do not make the reader decode the chunk again and again."""
    recipe = replace(RECIPES['constant_rate_mkv'], times=[40 * i for i in range(200)], options={'g': '20', 'bf': '0'})
    make_video(tmp_path / 'long.mkv', recipe)
    path = damaged(str(tmp_path / 'long.mkv'), tmp_path, which)
    decoded: list[int | None] = []
    monkeypatch.setattr(cursor, 'decode', spy(decode_packet, lambda packet, *_: decoded.append(packet.pts)))
    with new_reader('pyav', path, color=True) as reader:
        for index in [*range(which, 120)] * 5:
            with pytest.raises(FrameReadError, match='missing or damaged'):
                reader.read(index)
        assert len(decoded) <= 100
        assert index_in(reader.read(120)) == 120
        assert index_in(reader.read(which - 1)) == which - 1


def test_the_same_of_opencv(tmp_path, monkeypatch):
    def wipe(data, places):
        for position, size, _ in places:
            data[position : position + size] = bytes(size)

    make_video(tmp_path / 'long.avi', replace(RECIPES['mjpeg_avi'], times=[40 * i for i in range(200)]))
    places = packets(str(tmp_path / 'long.avi'))[100:120]
    path = copied(str(tmp_path / 'long.avi'), tmp_path, lambda data: wipe(data, places))
    grabbed, capture = [], cv2.VideoCapture

    class Capture:
        def __init__(self, *arguments):
            self._capture = capture(*arguments)

        def grab(self):
            grabbed.append(1)
            return self._capture.grab()

        def __getattr__(self, name):
            return getattr(self._capture, name)

    monkeypatch.setattr(cv2, 'VideoCapture', Capture)
    with new_reader('opencv', path, color=True) as reader:
        for index in [*range(100, 120)] * 5:
            with pytest.raises(FrameReadError, match='missing or damaged'):
                reader.read(index)
        assert len(grabbed) <= 400
        assert index_in(reader.read(120)) == 120


# --- valid, though odd


def jpegs(edit=lambda data: data, options=(), shape=SHAPE):
    for index in range(12):
        yield edit(cv2.imencode('.jpg', numbered(index, shape), list(options))[1].tobytes())


ODD_JPEGS = {
    'gray': lambda: jpegs(shape=SHAPE[:2]),
    'restart markers': lambda: jpegs(options=[cv2.IMWRITE_JPEG_RST_INTERVAL, 2]),
    'progressive': lambda: jpegs(options=[cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
    'no end mark': lambda: jpegs(lambda data: data[:-2]),
    'padded': lambda: jpegs(lambda data: data + bytes(16)),
    'with an AVI1 mark': lambda: jpegs(lambda data: data[:2] + b'\xff\xe0\x00\x0eAVI1' + bytes(8) + data[2:]),
}


@pytest.mark.parametrize('kind', ODD_JPEGS)
def test_odd_but_whole_jpegs_are_not_taken_for_damaged(tmp_path, kind):
    path = str(tmp_path / 'odd.avi')
    with av.open(path, 'w') as container:
        stream = container.add_stream('mjpeg', rate=25)
        stream.height, stream.width, stream.pix_fmt = *SHAPE[:2], 'yuvj420p'
        for index, data in enumerate(ODD_JPEGS[kind]()):
            packet = av.Packet(data)
            packet.stream, packet.pts, packet.dts = stream, index, index
            packet.time_base, packet.is_keyframe = Fraction(1, 25), True
            container.mux(packet)
    with new_reader('pyav', path, color=True) as reader:
        assert [index_in(reader.read(index)) for index in range(12)] == list(range(12))


@pytest.mark.parametrize('api', [cv2.CAP_FFMPEG, cv2.CAP_OPENCV_MJPEG])
def test_what_opencv_writes_is_not_taken_for_damaged(tmp_path, api):
    path = str(tmp_path / 'opencv.avi')
    writer = cv2.VideoWriter(path, api, cv2.VideoWriter.fourcc(*'MJPG'), 25, SHAPE[1::-1])
    for index in range(12):
        writer.write(numbered(index, SHAPE))
    writer.release()
    with new_reader('pyav', path, color=True) as reader:
        assert [index_in(reader.read(index)) for index in range(12)] == list(range(12))


# --- pixels

PIXEL_FORMATS = {
    'h264 420': Recipe('.mkv'),
    'h264 420 full range': Recipe('.mp4', pixel_format='yuvj420p', color_range=2),
    'h264 422': Recipe('.mp4', pixel_format='yuv422p'),
    'h264 444': Recipe('.mkv', pixel_format='yuv444p'),
    'h264 444 of odd size': Recipe('.mkv', pixel_format='yuv444p', shape=(65, 97, 3)),
    'h264 gray': Recipe('.mkv', pixel_format='gray'),
    'mjpeg 420': Recipe('.avi', 'mjpeg', pixel_format='yuvj420p'),
    'mjpeg 420 of odd size': Recipe('.avi', 'mjpeg', pixel_format='yuvj420p', shape=(65, 97, 3)),
    'mjpeg 422': Recipe('.avi', 'mjpeg', pixel_format='yuvj422p'),
    'mjpeg 444': Recipe('.avi', 'mjpeg', pixel_format='yuvj444p'),
}


def textured(shape):
    """A gray scene: soft blobs, an edge, noise."""
    rng = np.random.default_rng(7)
    soft = cv2.GaussianBlur(rng.integers(0, 256, shape[:2], np.uint8), (0, 0), 3).astype(float)
    soft = (soft - soft.min()) / np.ptp(soft) * 255
    soft[:, shape[1] // 2 :] = soft[:, shape[1] // 2 :] / 2 + 127
    gray = np.clip(soft + rng.normal(0, 4, shape[:2]), 0, 255).astype(np.uint8)
    return np.repeat(gray[:, :, None], 3, axis=2)


def tinted(shape):
    """The scene in colours that are all there is to see."""
    scene = textured(shape).astype(float)
    hues = np.linspace(0.2, 1, shape[1])[None, :, None] * np.array([1.0, 0.6, 0.3])
    return np.clip(scene * hues, 0, 255).astype(np.uint8)


def saturated(shape):
    """Stripes of pure colours, dark and bright."""
    colors = [(b, g, r) for b in (0, 255) for g in (0, 255) for r in (0, 255)]
    image = np.zeros(shape, np.uint8)
    for nth, color in enumerate(colors):
        image[:, nth * shape[1] // 8 :] = color
    return image


CONTENTS = {function.__name__: function for function in (textured, tinted, saturated)}


@pytest.mark.parametrize('content', CONTENTS)
@pytest.mark.parametrize('name', PIXEL_FORMATS)
def test_pixels_match_opencv_within_a_few_levels(tmp_path, name, content):
    """Decoded pixels match OpenCV within 3 levels for colour and 2 for gray."""
    recipe = replace(PIXEL_FORMATS[name], times=[0, 40, 80])
    path = str(tmp_path / ('video' + recipe.extension))
    make_video(path, recipe, [CONTENTS[content](recipe.shape)] * 3)
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    _, expected = capture.read()
    capture.release()
    for backend in BACKENDS:
        with new_reader(backend, path, color=True) as reader:
            image = reader.read(0)
            assert image.shape == recipe.shape
            assert np.abs(image.astype(int) - expected).max() <= 3
            image[:] = 0
            assert reader.read(0).any(), 'each read gives an image of its own'
        with new_reader(backend, path, color=False) as reader:
            gray = reader.read(0)
            assert gray.shape == recipe.shape[:2]
            assert np.abs(gray.astype(int) - cv2.cvtColor(expected, cv2.COLOR_BGR2GRAY)).max() <= 2


@pytest.mark.parametrize('name', ['bt709_mp4', 'full_range_mp4', 'yuv420p10_mp4', 'yuv444p_mkv', 'mjpeg_avi'])
def test_pixels_are_close_to_the_source_for_any_flags(tmp_path, name):
    """Decoded pixels are close to the encoded ones, whatever the colour flags say."""
    recipe = replace(RECIPES[name], times=[0, 40, 80], options={'crf': '10'})
    for content in (textured, tinted):
        source = cv2.GaussianBlur(content(recipe.shape), (0, 0), 2)
        make_video(tmp_path / 'video.mkv', recipe, [source] * 3)
        with new_reader('pyav', str(tmp_path / 'video.mkv'), color=True) as reader:
            assert np.abs(reader.read(0).astype(int) - source).mean() < 2.5


@pytest.mark.parametrize(
    ('fmt', 'backend', 'shape'),
    [
        (fmt, backend, shape)
        for fmt, backend in video_backends('read')
        for shape in ((64, 96), (64, 96, 3), (65, 97))
        if shape == (64, 96) or not ROWS[fmt].lossless  # of others OpenCV gives other values
    ],
)
def test_what_a_store_wrote_is_what_opencv_reads_from_it(tmp_path, fmt, shape, backend):
    scene = textured((*shape[:2], 3)) if len(shape) == 2 else tinted(shape)
    scene = scene[:, :, 0] if len(shape) == 2 else scene
    with new_for_format(fmt, tmp_path / 's', imgshape=shape) as store:
        for index in range(3):
            store.add_image(scene, index, index)
    with new_for_filename(tmp_path / 's', backend=backend) as store:
        image = store.get_next_image()[0]
        capture = cv2.VideoCapture(not_none(store._chunk_paths)[0], cv2.CAP_FFMPEG)
    _, expected = capture.read()
    capture.release()
    assert image.shape == ((64, 96, *shape[2:]) if fmt in CROPPED else shape)
    if len(shape) == 2:
        assert np.abs(image.astype(int) - cv2.cvtColor(expected, cv2.COLOR_BGR2GRAY)).max() <= 2
    else:
        assert np.abs(image.astype(int) - expected).max() <= 3


# --- the choice of a backend


@pytest.fixture
def video_format():
    return resolve_format('mjpeg/avi')


@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
@pytest.mark.parametrize('direction', ['read', 'write'])
def test_auto_backend_works_for_each_format_and_direction(fmt, direction, monkeypatch):
    """Auto chooses a backend that works for each format and direction."""
    monkeypatch.delenv('IMGSTORE_VIDEO_BACKEND', raising=False)
    row = resolve_format(fmt)
    assert choose_backend(row, direction) == choose_backend(row, direction, 'auto') == 'pyav'


@both_backends
def test_backend_argument_precedes_environment_variable(video_format, monkeypatch, backend):
    """Argument and environment variable override the default backend, and the argument comes first."""
    other = BACKENDS[1 - BACKENDS.index(backend)]
    monkeypatch.setenv('IMGSTORE_VIDEO_BACKEND', other)
    assert choose_backend(video_format, 'read') == other
    assert choose_backend(video_format, 'read', backend) == backend
    assert choose_backend(video_format, 'write', 'auto') == 'pyav'
    monkeypatch.setenv('IMGSTORE_VIDEO_BACKEND', '')
    assert choose_backend(video_format, 'read') == 'pyav'


def test_auto_goes_on_to_the_next_where_one_does_not_work(video_format, monkeypatch):
    monkeypatch.setattr(backends, 'backend_works', lambda backend, *_: backend == 'opencv')
    assert choose_backend(video_format, 'read') == 'opencv'
    monkeypatch.setattr(backends, 'backend_works', lambda *_: False)
    with raises(InvalidArgumentError, argument='backend'):
        choose_backend(video_format, 'read')


def test_backend_that_reads_wrong_frame_is_not_working(monkeypatch):
    """A backend that reads a wrong frame does not count as working."""

    class Wrong:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def read(self, index):
            return numbered_image(max(0, index - 1))

    monkeypatch.setattr(backends, 'new_reader', lambda *_, **__: Wrong())
    assert not backends._tried.__wrapped__('pyav', 'h264', '.mkv', 'read')


def test_no_backend_that_reads_means_none_that_writes(monkeypatch):
    monkeypatch.setattr(backends, 'backend_works', lambda *_: False)
    assert not backends._writes('pyav', 'mjpeg', '.avi')


@pytest.mark.parametrize('name', ['ffmpeg', 'PyAV', 'pyav '])
def test_unknown_backend_is_refused_and_leaves_nothing(tmp_path, monkeypatch, name):
    """An unknown backend is refused, and nothing is left on the disk."""
    with raises(InvalidArgumentError, argument='backend'):
        new_for_format('mjpeg/avi', tmp_path / 's', imgshape=SHAPE, backend=name)
    monkeypatch.setenv('IMGSTORE_VIDEO_BACKEND', name)
    with raises(InvalidArgumentError, argument='backend'):
        new_for_format('mjpeg/avi', tmp_path / 's', imgshape=SHAPE)
    assert os.listdir(tmp_path) == []


def test_backend_that_cannot_write_format_is_refused(tmp_path, monkeypatch):
    """A backend that cannot write the format is refused, and nothing is left on the disk."""
    monkeypatch.setattr(backends, 'backend_works', lambda backend, *_: backend == 'pyav')
    with raises(InvalidArgumentError, argument='backend'):
        new_for_format('avc1/mp4', tmp_path / 's', imgshape=SHAPE, backend='opencv')
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
def test_opencv_backend_writes_only_what_it_can(tmp_path, fmt):
    """The OpenCV backend writes what this build supports and refuses the other formats."""
    row = resolve_format(fmt)
    if fmt == 'mjpeg/avi':
        assert backends.backend_works('opencv', row.codec, row.extension, 'write')
    if not backends.backend_works('opencv', row.codec, row.extension, 'write'):
        with raises(InvalidArgumentError, argument='backend'):
            new_for_format(fmt, tmp_path / 's', imgshape=SHAPE[:2], backend='opencv')
        assert os.listdir(tmp_path) == []
        return
    with new_for_format(fmt, tmp_path / 's', imgshape=SHAPE, chunksize=8, backend='opencv') as store:
        for index in range(20):
            store.add_image(numbered(index, SHAPE), index, index)
    for backend in (backend for kind, backend in video_backends('read') if kind == fmt):
        with new_for_filename(tmp_path / 's', backend=backend) as store:
            assert store.frame_count == 20
            for index in (19, *range(20), 7, 0):
                assert index_in(store.get_image(index)[0]) == index


def test_images_need_no_video_backend(tmp_path, monkeypatch):
    monkeypatch.setenv('IMGSTORE_VIDEO_BACKEND', 'opencv')
    monkeypatch.setattr(backends, 'backend_works', lambda *_: False)
    with new_for_format('png', tmp_path / 's', imgshape=SHAPE) as store:
        store.add_image(numbered(0, SHAPE), 0, 0)
    with new_for_filename(tmp_path / 's') as store:
        assert index_in(store.get_next_image()[0]) == 0


def test_the_samples_of_the_probe_are_hard_to_seek_in():
    for extension, order in (('.mkv', True), ('.mp4', True), ('.avi', False)):
        with av.open(os.path.join(SAMPLES, 'numbered' + extension)) as container:
            times = [not_none(p.pts) for p in container.demux(video=0) if p.size]
        assert len(times) == 24
        assert (times != sorted(times)) is order
        steps = set(np.diff(sorted(times)).tolist())
        assert (len(steps) > 1) is order


def test_the_videos_are_what_their_names_say(video):
    for name in ('b_frames_mp4', 'open_gops_mkv'):
        times = [time for _, _, time in packets(video(name))]
        assert times != sorted(times)
    times = [time for _, _, time in packets(video('equal_times_mkv'))]
    assert len(set(times)) < len(times) == 40
