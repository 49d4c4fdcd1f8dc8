"""Command lines and libraries with the URL of a store."""

import numpy as np
import pytest

import imgstore
from imgstore.apps import export, info
from imgstore.errors import FrameReadError
from imgstore.overview import overview
from imgstore.viewers.web.recording import Recording

from ..helpers.format_table import ROWS
from ..helpers.remote_stores import FIRST, FRAMES, write_store
from ..helpers.web_files import served

pytestmark = pytest.mark.once


@pytest.fixture(params=['png', 'avc1/mp4'])
def url(request, tmp_path):
    write_store(tmp_path / 'store', request.param)
    with served(tmp_path) as files:
        yield f'{files.url}/store'


def test_info_describes_a_url(url, capsys):
    assert info.main([url]) in (0, None)
    printed = capsys.readouterr().out
    assert f'{FRAMES}' in printed
    assert ' 0 files' not in printed


def test_info_of_files_counts_their_bytes(tmp_path):
    folder = write_store(tmp_path / 'store', 'png')
    local, remote = overview(folder), overview(f'file://{folder}')
    assert (remote.bytes_on_disk, remote.files) == (local.bytes_on_disk, local.files)
    assert remote.health.saved_index == local.health.saved_index == 'fits'


def test_export_reads_a_url(url, tmp_path):
    assert export.main([url, str(tmp_path / 'images.npz')]) in (0, None)
    with np.load(tmp_path / 'images.npz') as saved, imgstore.new_for_filename(url) as store:
        assert np.array_equal(saved['images'], store[:])


def test_a_video_at_a_url_is_exported(url, tmp_path):
    assert export.main([url, str(tmp_path / 'part.mp4'), '--to-index', '9']) in (0, None)
    assert (tmp_path / 'part.mp4').stat().st_size > 1000


def test_the_web_viewer_shows_a_url(url):
    recording = Recording(url)
    try:
        assert recording.name == 'store'
        assert recording.summary()['frames'] == FRAMES
        recording.refresh()
        assert url in str(recording.about())
    finally:
        recording.close()


def test_a_dataset_of_torch_reads_a_url(url):
    from imgstore.torch import FrameDataset

    clips = FrameDataset(url, clip=4)
    with imgstore.new_for_filename(url) as store:
        assert np.array_equal(clips[0], store[:4])


def test_xarray_opens_a_url(url):
    import xarray

    with xarray.open_dataset(url, engine='imgstore') as dataset, imgstore.new_for_filename(url) as store:
        assert np.array_equal(dataset['image'][3:5].values, store[3:5])


def test_frames_at_a_url_are_verified(tmp_path):
    folder = write_store(tmp_path / 'store', 'npy')
    path = folder / '000001' / '000003.npy'
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with imgstore.new_for_filename(f'file://{folder}') as store, pytest.raises(FrameReadError, match='checksum'):
        store.get_image(FIRST + 13)


@pytest.mark.parametrize('fmt', ROWS)
def test_one_frame_alone_is_read_from_a_url(fmt, tmp_path):
    folder = write_store(tmp_path / 'store', fmt)
    image = imgstore.extract_only_frame(f'file://{folder}', -2)
    assert np.array_equal(image, imgstore.extract_only_frame(folder, -2))
