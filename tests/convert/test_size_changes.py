"""A conversion crops and bins frames, and its metadata keeps referring to the sensor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import imgstore
from imgstore.apps.convert import main
from imgstore.color import ensure_grayscale
from imgstore.convert import convert
from imgstore.errors import FrameWriteError, InvalidArgumentError
from imgstore.ondisk.metadata import load_metadata
from imgstore.sensor_area import SensorArea, bin_image

from ..helpers.checked import not_none
from ..helpers.format_table import COLOR_IS_LOST, CROPPED, LOSSLESS, LOSSY, NO_COLOR, ROWS
from ..helpers.raised import raises
from ..test_sensor_area import areas
from .test_convert import COUNT, SHAPE, images, store_of

GRAY = SHAPE[:2]
ROI, BINNING = (3, 5, 72, 48), (2, 3)


def kept(image: Any) -> Any:
    x, y, width, height = ROI
    return bin_image(image[y : y + height, x : x + width], *BINNING)


def geometry(folder: Path) -> Any:
    with imgstore.new_for_filename(folder) as store:
        return store.image_shape[:2], store.sensor_shape, store.roi, store.binning


@pytest.mark.parametrize('fmt', ROWS)
def test_frames_are_cropped_and_binned_in_every_format(fmt: str, tmp_path: Path) -> None:
    """As for images that are added; everything else is kept."""
    shape = GRAY if fmt in NO_COLOR and fmt not in COLOR_IS_LOST else SHAPE
    source = store_of(tmp_path / 's', shape=shape)
    done = convert(source, tmp_path / 'd', fmt, roi=ROI, binning=BINNING)
    assert (done.frames, done.verified, done.exact) == (COUNT, True, fmt in LOSSLESS)
    assert done.without_colors == (COUNT if fmt in COLOR_IS_LOST else 0)
    assert geometry(tmp_path / 'd') == ((24, 24), GRAY, ROI, BINNING)
    if fmt in LOSSLESS:
        expected = [kept(image) for image in images(source)]
        expected = [ensure_grayscale(image) for image in expected] if fmt in COLOR_IS_LOST else expected
        assert all(map(np.array_equal, images(tmp_path / 'd'), expected))
    with imgstore.new_for_filename(source) as old, imgstore.new_for_filename(tmp_path / 'd') as new:
        assert new.frame_numbers.tolist() == old.frame_numbers.tolist()
        assert new.frame_times.tolist() == old.frame_times.tolist()
        assert not_none(new.get_extra_data()).equals(not_none(old.get_extra_data()))


@pytest.mark.parametrize('fmt', CROPPED)
def test_a_video_of_odd_size_says_what_it_has_of_the_sensor(fmt: str, tmp_path: Path) -> None:
    source = store_of(tmp_path / 's')
    convert(source, tmp_path / 'd', fmt, roi=(3, 5, 75, 50), binning=BINNING)
    assert geometry(tmp_path / 'd') == ((24, 24), GRAY, ROI, BINNING)


def test_a_conversion_without_them_keeps_what_is_known_of_the_sensor(tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', roi=ROI, binning=BINNING)
    convert(source, tmp_path / 'd', 'png')
    assert geometry(tmp_path / 'd') == geometry(source) == ((24, 24), GRAY, ROI, BINNING)
    assert list(load_metadata(str(tmp_path / 'd')).store)[-1] == 'version'
    convert(store_of(tmp_path / 't'), tmp_path / 'e', 'png')
    assert geometry(tmp_path / 'e') == (GRAY, None, None, None)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(data=st.data(), fmt=st.sampled_from(['npy', 'bpk']))
def test_areas_of_conversions_refer_to_the_first_sensor(
    data: st.DataObject, fmt: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each pixel's place on the sensor is in its values: they survive three stores."""
    folder = tmp_path_factory.mktemp('areas')
    sensor = data.draw(st.tuples(st.integers(1, 30), st.integers(1, 30)))
    places = np.moveaxis(np.mgrid[: sensor[0], : sensor[1]], 0, -1).astype(np.float64)
    area = data.draw(areas(sensor))
    with imgstore.new_for_format(
        'npy', folder / '0', imgshape=places.shape, imgdtype='float64', roi=area.roi, binning=area.binning
    ) as store:
        store.add_image(places, 0, 0)
    for number in range(2):
        height, width, *_ = images(folder / str(number))[0].shape
        inner = data.draw(areas((height, width)))
        convert(folder / str(number), folder / str(number + 1), fmt, roi=inner.roi, binning=inner.binning)
    shape, sensor_shape, roi, binning = geometry(folder / '2')
    assert sensor_shape == sensor
    found = images(folder / '2')[0]
    assert found.shape[:2] == shape
    np.testing.assert_allclose(found, SensorArea(sensor, roi, binning).of(places))


def test_raw_images_stay_raw_if_their_pattern_does(tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', 'npy', GRAY, encoding='cv_bayerbg')
    convert(source, tmp_path / 'd', 'png', roi=(2, 4, 64, 32))
    with imgstore.new_for_filename(source) as old, imgstore.new_for_filename(tmp_path / 'd') as new:
        assert (new.encoding, new.image_shape) == ('cv_bayerbg', (32, 64, 3))
        old.disable_decoding()
        new.disable_decoding()
        assert np.array_equal(new[0], old[0][4:36, 2:66])
    for options in ({'roi': (1, 4, 64, 32)}, {'binning': 2}):
        with raises(InvalidArgumentError, argument=next(iter(options))):
            convert(source, tmp_path / 'e', 'png', **options)
    assert not (tmp_path / 'e').exists()


@pytest.mark.parametrize('fmt', ['png+color', *LOSSY])
def test_raw_images_that_become_color_are_cropped_and_binned_in_color(fmt: str, tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', 'npy', GRAY, encoding='cv_bayerbg')
    done = convert(source, tmp_path / 'd', fmt, roi=ROI, binning=BINNING)
    assert geometry(tmp_path / 'd') == ((24, 24), GRAY, ROI, BINNING)
    assert done.exact == (fmt == 'png+color')
    assert not done.exact or all(map(np.array_equal, images(tmp_path / 'd'), map(kept, images(source))))


def test_an_empty_store_has_the_new_shape(tmp_path: Path) -> None:
    imgstore.new_for_format('npy', tmp_path / 's', imgshape=GRAY).close()
    convert(tmp_path / 's', tmp_path / 'd', 'png', roi=ROI, binning=BINNING)
    assert geometry(tmp_path / 'd') == ((24, 24), GRAY, ROI, BINNING)


@pytest.mark.parametrize(
    ('options', 'argument'),
    [
        ({'roi': (0, 0, 97, 64)}, 'roi'),
        ({'roi': (0, 0, 9, 9), 'binning': 2}, 'roi'),
        ({'roi': (0, 0, 9)}, 'roi'),
        ({'binning': 5}, 'binning'),
        ({'binning': 0}, 'binning'),
        ({'binning': True}, 'binning'),
    ],
)
@pytest.mark.parametrize('scheduler', [None, 'local'])
def test_what_is_not_allowed_leaves_nothing(
    options: dict[str, Any], argument: str, scheduler: str | None, tmp_path: Path
) -> None:
    source = store_of(tmp_path / 's')
    with raises(InvalidArgumentError, argument=argument):
        convert(source, tmp_path / 'd', 'png', scheduler=scheduler, **options)
    assert {path.name for path in tmp_path.iterdir()} == {'s'}


def test_a_frame_that_differs_is_still_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames are compared with the means of their originals, and not with themselves."""
    source = store_of(tmp_path / 's')
    added = imgstore.ImgStore.add_image
    monkeypatch.setattr(imgstore.ImgStore, 'add_image', lambda store, image, *rest: added(store, image ^ 1, *rest))
    with raises(FrameWriteError, frame_index=0):
        convert(source, tmp_path / 'd', 'png', roi=ROI, binning=BINNING)


def test_the_command_crops_and_bins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = store_of(tmp_path / 's')
    options = ['--format', 'png', '--roi', '3,5,72,48', '--binning', '2x3']
    assert main([*options, str(source), str(tmp_path / 'd')]) == 0
    assert capsys.readouterr().err == ''
    assert geometry(tmp_path / 'd') == ((24, 24), GRAY, ROI, BINNING)
    assert main(['--format', 'png', '--roi', '3,5,72,47', '--binning', '2', str(source), str(tmp_path / 'e')]) == 1
    assert capsys.readouterr().err.count('\n') == 1
    assert not (tmp_path / 'e').exists()


@pytest.mark.parametrize(
    'option',
    [
        ('--roi', '3,5,72'),
        ('--roi', '3,5,0,4'),
        ('--roi', '-3,5,2,4'),
        ('--roi', '3.5,5,2,4'),
        ('--roi', '2x4+1+1'),
        ('--binning', '0'),
        ('--binning', '2x'),
        ('--binning', '2x0'),
        ('--binning', '2,2'),
        ('--binning', '1.5'),
    ],
)
def test_wrong_usage_is_exit_code_2(option: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(['--format', 'png', '='.join(option), 's', 'd'])
    assert end.value.code == 2
    assert f'argument {option[0]}' in capsys.readouterr().err
