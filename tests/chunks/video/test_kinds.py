"""Videos of many kinds come out of a store as the ffmpeg program shows them, or are refused with the reason."""

import re

import av
import numpy as np
import pytest

from imgstore.errors import InvalidArgumentError

from ...helpers.video_kinds import KINDS
from ...helpers.video_ways import Video, exported, inserted, once_inserted, read, saved

pytestmark = [pytest.mark.slow, pytest.mark.process]

both_backends = pytest.mark.parametrize('backend', ['pyav', 'opencv'])


@pytest.fixture(scope='module', params=KINDS)
def name(request):
    """The name of a kind of video; pytest runs all tests of one kind, then those of the next."""
    return request.param


@pytest.fixture(scope='module')
def video(name, tmp_path_factory):
    """A video of that kind."""
    return Video.of(name, tmp_path_factory.mktemp('video'))


@pytest.fixture(scope='module')
def stored(video, tmp_path_factory):
    """Folder of a store that has the video as its chunk; why not, as InvalidArgumentError."""
    return inserted(video, tmp_path_factory.mktemp('store') / 's')


def orders(count):
    return [range(count), range(count - 1, -1, -1), np.random.default_rng(1).permutation(count).tolist()]


@both_backends
def test_inserted_video_reads_as_shown_or_error_says_why(name, video, stored, tmp_path, backend):
    """An inserted video is read as a player shows it, or the error says why not."""
    kind, store = KINDS[name], stored
    if isinstance(store, InvalidArgumentError):
        assert kind.insert, f'refused: {store}'
        assert re.search(kind.insert, str(store))
        if not kind.was_inserted:
            return
        store = once_inserted(video, tmp_path / 'once')
    else:
        assert not kind.insert
    hidden = set(read(video, store, 'pyav').refused) if backend == 'opencv' and kind.damaged else set()
    for order in orders(len(video.images)):
        found = read(video, store, backend, order)
        assert found.wrong <= hidden, 'OpenCV does not tell of damage that it hides; nothing else is wrong'
        assert not found.refused or kind.damaged or (backend == 'opencv' and kind.opencv), found.refused
        assert all(re.search(kind.damaged or kind.opencv, why) for why in found.refused.values())


def test_the_kinds_are_what_their_names_say(tmp_path):
    def made(name):
        (tmp_path / name).mkdir()
        return Video.of(name, tmp_path / name)

    for name in ('h264_trimmed_mp4', 'mpeg4_trimmed_mp4', 'hevc_trimmed_mp4', 'edit_between_keyframes_mp4'):
        with av.open(str(made(name).path)) as container:
            assert any(packet.is_discard for packet in container.demux(video=0))
    for name in ('h264_interlaced_mp4', 'mpeg2_interlaced_mkv', 'dv_avi', 'h264_fields_mkv'):
        with av.open(str(made(name).path)) as container:
            assert next(container.decode(video=0)).interlaced_frame
    for name in ('mpeg4_packed_b_frames_avi', 'vp8_alternate_references_mkv', 'mpeg4_not_coded_avi'):
        video = made(name)
        with av.open(str(video.path)) as container:
            sizes = [packet.size for packet in container.demux(video=0) if packet.size]
        assert min(sizes) < 10 or len(sizes) > len(video.images)
    assert len(KINDS) >= 40


def test_inserted_video_exports_as_shown_or_error_says_why(name, video, stored, tmp_path):
    """An inserted video is exported as a player shows it, or the error says why not."""
    kind, store = KINDS[name], stored
    if isinstance(store, InvalidArgumentError):
        assert re.search(kind.insert, str(store))
        if not kind.was_inserted:
            return
        store = once_inserted(video, tmp_path / 'once')
    found = exported(video, store, tmp_path / 'out.mkv')
    assert not found.wrong
    assert not found.why or re.search(kind.damaged or kind.export or 'no reason', found.why), found.why


def test_saved_video_matches_playback_and_reports_omissions(name, video, tmp_path):
    """A saved video has the frames that a player shows, and what is left out is reported."""
    kind, found = KINDS[name], saved(video, tmp_path / 's')
    assert not found.wrong
    assert bool(found.why) == bool(kind.save), found.why
    assert re.search(kind.save, found.why)
