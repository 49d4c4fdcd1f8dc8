"""Videos of many kinds come out of a store as the ffmpeg program shows them, or are refused with the reason."""

import re

import av
import numpy as np
import pytest

from imgstore.errors import FrameReadError, InvalidArgumentError
from imgstore.stores import new_for_filename, new_for_format

from .video_kinds import KINDS, shown

FORMATS = {'.avi': 'mjpeg/avi', '.mkv': 'h264/mkv', '.mp4': 'avc1/mp4'}
LARGEST_DIFFERENCE = 4  # on average; frames that follow each other differ by 10 at least


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """-> (path, images, times) of a kind of video, as the ffmpeg program shows it."""
    known = {}

    def of(name):
        if name not in known:
            kind = KINDS[name]
            path = tmp_path_factory.mktemp(name) / ('video' + kind.extension)
            kind.make(path)
            known[name] = str(path), *shown(path, kind)
        return known[name]

    return of


@pytest.fixture(scope='module')
def inserted(made, tmp_path_factory):
    """-> folder of a store that has a kind of video as its chunk; why not, as InvalidArgumentError."""
    known = {}

    def of(name):
        if name not in known:
            known[name] = insert(name, tmp_path_factory.mktemp('store') / 's', *made(name))
        return known[name]

    return of


def insert(name, folder, path, images, times):
    fmt = FORMATS.get(KINDS[name].extension, 'avc1/mp4')
    with new_for_format(fmt, folder, imgshape=KINDS[name].shape, chunksize=1000) as store:
        try:
            store.insert_chunk(path, range(len(images)), times, move=False)
        except InvalidArgumentError as error:
            assert (len(store), store.chunks) == (0, []), 'nothing changes'
            return error
    return str(folder)


def is_same(image, expected):
    return image.shape == expected.shape and np.abs(image.astype(int) - expected).mean() <= LARGEST_DIFFERENCE


def compared(store, images, order):
    """Indexes of frames that are another, and the reasons of those that are refused."""
    wrong, refused = set(), {}
    for index in order:
        try:
            image = store.get_image(None, frame_index=index)[0]
        except FrameReadError as error:
            refused[index] = str(error)
        else:
            if not is_same(image, images[index]):
                wrong.add(index)
    return wrong, refused


def orders(count):
    return [range(count), range(count - 1, -1, -1), np.random.default_rng(1).permutation(count).tolist() * 2]


@pytest.mark.parametrize('backend', ['pyav', 'opencv'])
@pytest.mark.parametrize('name', KINDS)
def test_an_inserted_video_reads_as_it_is_shown_or_the_error_says_why(made, inserted, name, backend):
    kind, images, store = KINDS[name], made(name)[1], inserted(name)
    if isinstance(store, InvalidArgumentError):
        assert kind.insert, f'refused: {store}'
        assert re.search(kind.insert, str(store))
        return
    assert not kind.insert
    damaged = not_given(store, images)
    for order in orders(len(images)):
        with new_for_filename(store, backend=backend) as reader:
            wrong, refused = compared(reader, images, order)
        assert not wrong or (backend == 'opencv' and wrong <= damaged), 'OpenCV does not tell of damage that it hides'
        assert not refused or (kind.damaged if backend == 'pyav' else kind.damaged or kind.opencv), refused
        assert all(re.search(kind.damaged or kind.opencv, why) for why in refused.values())


def not_given(store, images):
    with new_for_filename(store, backend='pyav') as reader:
        return set(compared(reader, images, range(len(images)))[1])


def test_the_kinds_are_what_their_names_say(made):
    hidden = ('h264_trimmed_mp4', 'mpeg4_trimmed_mp4', 'hevc_trimmed_mp4', 'edit_between_keyframes_mp4')
    for name in hidden:
        with av.open(made(name)[0]) as container:
            assert any(packet.is_discard for packet in container.demux(video=0))
    for name in ('h264_interlaced_mp4', 'mpeg2_interlaced_mkv', 'dv_avi'):
        with av.open(made(name)[0]) as container:
            assert next(container.decode(video=0)).interlaced_frame
    for name in ('mpeg4_packed_b_frames_avi', 'vp8_alternate_references_mkv', 'mpeg4_not_coded_avi'):
        with av.open(made(name)[0]) as container:
            sizes = [packet.size for packet in container.demux(video=0) if packet.size]
        assert min(sizes) < 10 or len(sizes) > len(made(name)[1])
    assert len(KINDS) >= 40
