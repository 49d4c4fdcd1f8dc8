"""Stores in a real napari window, with its manifest, menus and pictures of its canvas."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

import imgstore
from imgstore.adapters.napari import FrameArray, read_new_frames, show_frame_numbers

from ..helpers.frames import index_in, numbered

with warnings.catch_warnings():
    warnings.simplefilter('ignore')  # napari's own
    import napari
    from napari.errors import ReaderPluginError

pytestmark = pytest.mark.filterwarnings('default')  # napari's own

GRAY, COLOR = (64, 96), (64, 96, 3)
ZOOM = 4  # pixels of the canvas for one of an image
DROPPED_AFTER, DROPPED = 30, 5


@pytest.fixture(scope='module')
def window(tmp_path_factory):
    """One viewer for all tests: it takes seconds to come up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('NAPARI_CONFIG', str(tmp_path_factory.mktemp('napari') / 'settings.yaml'))
        viewer = napari.Viewer(show=True)
        yield viewer
        viewer.close()


@pytest.fixture
def viewer(window):
    yield window
    window.layers.clear()
    window.canvas.overlays.text.visible = False
    window.dims.ndisplay = 2


def add_frames(store, start, stop, scale=1):
    shape, dtype = store.image_shape, store.dtype
    for index in range(start, stop):
        number = 100 + index + DROPPED * (index > DROPPED_AFTER)
        store.add_image(numbered(index, shape).astype(dtype) * scale, number, 1.7e9 + (number - 100) / 25)


def record(path, fmt='png', shape=GRAY, count=60, dtype='uint8', scale=1, chunksize=60):
    options = {'chunksize': chunksize, 'metadata': {'subject': 'A7'}}
    with imgstore.new_for_format(fmt, path, imgshape=shape, imgdtype=dtype, **options) as store:
        add_frames(store, 0, count, scale)
    return path


def in_view(layer):
    """The slice of a layer that napari has got."""
    return np.asarray(layer._slice.image.raw)


def on_canvas(viewer):
    """The image on the canvas in its own pixels: (64, 96, 3) in RGB."""
    viewer.scene.camera.zoom = ZOOM
    viewer.scene.camera.center = (31.5, 47.5)
    picture = viewer.screenshot(canvas_only=True, flash=False)[..., :3]
    top, left = (picture.shape[0] - 64 * ZOOM) // 2, (picture.shape[1] - 96 * ZOOM) // 2
    return picture[top + ZOOM // 2 : top + 64 * ZOOM : ZOOM, left + ZOOM // 2 : left + 96 * ZOOM : ZOOM]


@pytest.mark.parametrize('shape', [GRAY, COLOR])
@pytest.mark.parametrize('fmt', ['png', 'mjpeg/avi', 'avc1/mp4'])
def test_the_slider_shows_the_frames(viewer, tmp_path, fmt, shape):
    record(tmp_path / 's', fmt, shape, chunksize=25)
    [layer] = viewer.open(tmp_path / 's' / 'metadata.yaml', plugin=None)
    assert (type(layer).__name__, layer.name, layer.rgb) == ('Image', 's', shape == COLOR)
    assert (layer.source.reader_plugin, layer.data.shape) == ('imgstore', (60, *shape))
    assert viewer.dims.nsteps == (60, 64, 96)
    for index in (0, 59, 24, 25, 7):
        viewer.dims.set_current_step(0, index)
        assert [index_in(layer.data[index]), index_in(in_view(layer)), index_in(on_canvas(viewer))] == [index] * 3


def test_the_canvas_shows_the_pixels_in_rgb(viewer, tmp_path):
    with imgstore.new_for_format('png', tmp_path / 's', imgshape=COLOR) as store:
        store.add_image(np.full(COLOR, (10, 80, 200), np.uint8), 0, 0)  # in BGR
    viewer.open(tmp_path / 's' / 'metadata.yaml', plugin=None)
    canvas = on_canvas(viewer)
    np.testing.assert_allclose(canvas.reshape(-1, 3), np.full((64 * 96, 3), (200, 80, 10)), atol=1)


def test_a_step_of_the_slider_takes_the_true_time(viewer, tmp_path):
    record(tmp_path / 's')
    [layer] = viewer.open(tmp_path / 's', plugin='imgstore')
    assert layer.scale.tolist() == pytest.approx([0.04, 1, 1])
    assert [str(unit) for unit in layer.units] == ['second', 'pixel', 'pixel']
    assert viewer.dims.axis_labels == ('time', 'y', 'x')
    viewer.dims.set_current_step(0, 50)
    assert viewer.dims.point[0] == pytest.approx(2)
    viewer.dims.set_point(0, 1.2)
    assert index_in(in_view(layer)) == 30
    assert layer.metadata['subject'] == 'A7'
    assert layer.metadata['frame_numbers'][[30, 31]].tolist() == [130, 136]
    assert np.diff(layer.metadata['frame_times'][[30, 31]]) == pytest.approx(0.24, abs=1e-6)


def test_layers_of_two_rates_share_the_time(viewer, tmp_path):
    for name, rate in (('slow', 10), ('fast', 100)):
        with imgstore.new_for_format('npy', tmp_path / name, imgshape=GRAY) as store:
            for index in range(2 * rate):
                store.add_image(numbered(index, GRAY), index, 1.7e9 + index / rate)
    slow, fast = (viewer.open(tmp_path / name, plugin='imgstore')[0] for name in ('slow', 'fast'))
    for point in (0, 0.7, 1.5, 1.9):
        viewer.dims.set_point(0, point)
        assert (index_in(in_view(slow)), index_in(in_view(fast))) == (10 * point, 100 * point)


def test_the_folder_of_a_chunk_has_its_frames_only(viewer, tmp_path):
    """napari's own reader takes other files of the folder for frames."""
    record(tmp_path / 's', 'png')
    assert len(viewer.open(tmp_path / 's' / '000000', plugin='napari')[0].data) > 60
    for path in (tmp_path / 's', tmp_path / 's' / '000000'):
        [layer] = viewer.open(path, plugin='imgstore')
        assert layer.data.shape == (60, *GRAY)
        viewer.dims.set_current_step(0, 59)
        assert index_in(in_view(layer)) == 59


def test_16_bits_keep_their_values_and_are_visible(viewer, tmp_path):
    record(tmp_path / 's', 'tif', dtype='uint16', scale=16)
    [layer] = viewer.open(tmp_path / 's' / 'metadata.yaml', plugin=None)
    viewer.dims.set_current_step(0, 42)
    np.testing.assert_array_equal(in_view(layer), numbered(42, GRAY).astype(np.uint16) * 16)
    assert layer.contrast_limits == [40 * 16, 214 * 16]
    assert index_in(on_canvas(viewer)) == 42
    record(tmp_path / 'c', 'tif', COLOR, dtype='uint16', scale=16)
    [layer] = viewer.open(tmp_path / 'c', plugin='imgstore')
    assert layer.contrast_limits == [40 * 16, 214 * 16]


def test_opening_reads_no_more_than_the_frames_in_view(viewer, tmp_path, monkeypatch):
    record(tmp_path / 's')
    keys, read = [], FrameArray.__getitem__

    def spy(self, key):
        keys.append(key)
        return read(self, key)

    monkeypatch.setattr(FrameArray, '__getitem__', spy)
    viewer.open(tmp_path / 's' / 'metadata.yaml', plugin=None)
    viewer.dims.set_current_step(0, 20)
    viewer.dims.set_current_step(0, 21)
    first = [key[0] for key in keys]
    read_frames = {index for each in first for index in (range(60)[each] if isinstance(each, slice) else [each])}
    assert {20, 21} < read_frames <= {0, 20, 21, 29}  # it begins in the middle


def test_a_view_in_3d_has_a_limit(viewer, tmp_path, monkeypatch):
    record(tmp_path / 's')
    viewer.open(tmp_path / 's', plugin='imgstore')
    monkeypatch.setattr('imgstore.adapters.napari._MOST_BYTES', 1000)
    with pytest.raises(imgstore.errors.InvalidArgumentError):
        viewer.dims.ndisplay = 3


def test_layers_get_the_new_frames_of_a_recording(viewer, tmp_path):
    with imgstore.new_for_format('avc1/mp4', tmp_path / 's', imgshape=GRAY, workers=0) as store:
        add_frames(store, 0, 20)
        [layer] = viewer.open(tmp_path / 's' / 'metadata.yaml', plugin=None)
        count = len(layer.data)
        assert 0 < count <= 20
        add_frames(store, 20, 60)
        assert len(layer.data) == count
        found = read_new_frames(viewer)
        assert len(layer.data) == count + found == viewer.dims.nsteps[0]
        viewer.dims.set_current_step(0, count + found - 1)
        assert index_in(in_view(layer)) == count + found - 1
    read_new_frames(viewer)
    assert layer.data.shape == (60, *GRAY)
    assert len(layer.metadata['frame_numbers']) == 60
    assert read_new_frames(viewer) == 0


def test_number_and_time_are_on_the_canvas(viewer, tmp_path):
    record(tmp_path / 's')
    viewer.open(tmp_path / 's' / 'metadata.yaml', plugin=None)
    overlay = viewer.canvas.overlays.text
    show_frame_numbers(viewer)
    viewer.dims.set_current_step(0, 50)
    assert (overlay.visible, overlay.text) == (True, 'frame 155, 2.200 s')
    viewer.layers.clear()
    assert overlay.text == ''
    show_frame_numbers(viewer)
    assert not overlay.visible


def test_the_commands_are_in_the_menus(viewer, tmp_path):
    from napari._app_model import get_app_model

    app = get_app_model()
    in_menus = {
        item.command.id
        for menu in ('napari/layers/data', 'napari/layers/visualize')
        for item in app.menus.get_menu(menu)
        if hasattr(item, 'command')
    }
    assert {'imgstore.read_new_frames', 'imgstore.show_frame_numbers'} <= in_menus
    record(tmp_path / 's')
    viewer.open(tmp_path / 's' / 'metadata.yaml', plugin=None)
    viewer.dims.set_current_step(0, 0)
    app.commands.execute_command('imgstore.show_frame_numbers').result()
    assert viewer.canvas.overlays.text.text == 'frame 100, 0.000 s'
    assert app.commands.execute_command('imgstore.read_new_frames').result() == 0
    assert viewer.status == '0 new frames'


def test_what_is_no_store_is_left_to_others(viewer, tmp_path):
    (tmp_path / 'metadata.yaml').write_text('title: of another program\n')
    with pytest.raises(ReaderPluginError, match='refused the file'):
        viewer.open(tmp_path / 'metadata.yaml', plugin=None)
    (tmp_path / 'images').mkdir()
    for name in 'ab':
        napari.utils.io.imsave(str(tmp_path / 'images' / f'{name}.png'), np.zeros(GRAY, np.uint8))
    [layer] = viewer.open(tmp_path / 'images', plugin='napari')
    assert layer.data.shape == (2, *GRAY)


def test_an_unreadable_frame_is_an_error(viewer, tmp_path):
    record(tmp_path / 's')
    (tmp_path / 's' / '000000' / '000007.png').write_bytes(b'')
    [layer] = viewer.open(tmp_path / 's', plugin='imgstore')
    with pytest.raises(imgstore.errors.FrameReadError):
        viewer.dims.set_current_step(0, 7)
    viewer.dims.set_current_step(0, 8)
    assert index_in(in_view(layer)) == 8


def test_npe2_finds_the_manifest_valid():
    command = [sys.executable, '-m', 'npe2', 'validate', 'imgstore']
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Manifest for 'imgstore' valid" in done.stdout
