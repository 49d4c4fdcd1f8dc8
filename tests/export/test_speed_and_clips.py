"""Videos at another speed, animations, several stores in one picture, and an output for each mark."""

from __future__ import annotations

import json
import os
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image as Pillow

import imgstore
from imgstore.apps.export import main
from imgstore.errors import InvalidArgumentError
from imgstore.export import FileSound, Frames, export_animation, export_video, select
from imgstore.export.mosaic import nearest_frames
from imgstore.marks import Mark, write_marks

from ..helpers.checked import not_none
from ..helpers.films import film
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises

SHAPE = (64, 96, 3)
FIRST = 1.7e9


def store_of(folder: Path, indexes: list[int], fmt: str = 'npy', rate: float = 25, **options: Any) -> Path:
    """Frames that carry their index in their pixels, with number 100 more."""
    shape = options.pop('shape', SHAPE)
    shift = options.pop('shift', 0.0)
    with imgstore.new_for_format(fmt, folder, imgshape=shape, **options) as store:
        for index in indexes:
            store.add_image(numbered(index, shape), 100 + index, FIRST + shift + index / rate)
    return folder


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_of(tmp_path_factory.mktemp('speed') / 's', list(range(40)))


def chosen(folder: Path, **ranges: Any) -> Frames:
    return select(imgstore.new_for_filename(folder), **ranges)


def animation(path: Path) -> tuple[list[int], list[int]]:
    """Which frames an animation shows, and for how many milliseconds, as another program reads it."""
    indexes, durations = [], []
    with Pillow.open(path) as image:
        assert image.info['loop'] == 0  # for ever
        for place in range(getattr(image, 'n_frames')):  # noqa: B009 -- Pillow has it on animations only
            image.seek(place)
            image.load()
            durations.append(image.info['duration'])
            indexes.append(index_in(np.asarray(image.convert('RGB'))))
    return indexes, durations


# --- speed


@pytest.mark.parametrize(('speed', 'step'), [(1, 1), (2, 1), (4, 2), (10, 5), (0.5, 1), (2.4, 1)])
def test_a_fast_video_keeps_what_screens_show_at_the_right_times(
    store: Path, speed: float, step: int, tmp_path: Path
) -> None:
    report = export_video(chosen(store), tmp_path / 'f.mp4', speed=speed)
    indexes, times = film(tmp_path / 'f.mp4')
    assert indexes == list(range(0, 40, step))
    assert times == pytest.approx([index / 25 / speed for index in indexes], abs=1e-4)
    assert (report.frames, report.left_out) == (len(indexes), 40 - len(indexes))


def test_gaps_stay_gaps_at_another_speed(tmp_path: Path) -> None:
    gap = store_of(tmp_path / 's', [*range(10), *range(30, 40)])
    export_video(chosen(gap), tmp_path / 'f.mkv', speed=2)
    indexes, times = film(tmp_path / 'f.mkv')
    assert indexes == [*range(10), *range(30, 40)]
    assert times == pytest.approx([index / 50 for index in indexes], abs=1e-3)


def test_h264_is_copied_at_another_speed(tmp_path: Path) -> None:
    coded = store_of(tmp_path / 's', list(range(20)), 'avc1/mp4')
    assert export_video(chosen(coded), tmp_path / 'slow.mp4', speed=0.5).copied
    assert film(tmp_path / 'slow.mp4')[1] == pytest.approx([index / 12.5 for index in range(20)], abs=1e-4)
    assert export_video(chosen(coded), tmp_path / 'fast.mp4', speed=2).copied
    assert not export_video(chosen(coded), tmp_path / 'faster.mp4', speed=8).copied
    assert film(tmp_path / 'faster.mp4')[0] == list(range(0, 20, 4))


@pytest.mark.parametrize('speed', [0, -1, float('nan'), float('inf'), 'fast', None])
def test_a_speed_that_is_none_is_refused(store: Path, speed: Any, tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument='speed'):
        export_video(chosen(store), tmp_path / 'f.mp4', speed=speed)
    assert os.listdir(tmp_path) == []


def test_sound_at_another_speed_is_refused(store: Path, tmp_path: Path) -> None:
    sound = silence(tmp_path / 'a.wav')
    with raises(InvalidArgumentError, argument='sounds'):
        export_video(chosen(store), tmp_path / 'f.mp4', speed=2, sounds=[FileSound(sound)])


def silence(path: Path) -> Path:
    with wave.open(str(path), 'wb') as file:
        file.setparams((1, 2, 8000, 0, 'NONE', ''))
        file.writeframes(bytes(2 * 8000 * 3))
    return path


# --- animations


@pytest.mark.parametrize('ending', ['gif', 'webp'])
def test_an_animation_shows_the_frames_at_their_times(store: Path, ending: str, tmp_path: Path) -> None:
    report = export_animation(chosen(store, to_index=12), tmp_path / f'f.{ending}')
    assert animation(tmp_path / f'f.{ending}') == (list(range(12)), [40] * 12)
    assert (report.frames, report.left_out) == (12, 0)


@pytest.mark.parametrize('ending', ['gif', 'webp'])
def test_a_fast_animation_keeps_25_frames_a_second(store: Path, ending: str, tmp_path: Path) -> None:
    export_animation(chosen(store), tmp_path / f'f.{ending}', speed=4)
    assert animation(tmp_path / f'f.{ending}') == (list(range(0, 40, 4)), [40] * 10)


@pytest.mark.parametrize('ending', ['gif', 'webp'])
def test_an_animation_has_the_gaps_too(tmp_path: Path, ending: str) -> None:
    gap = store_of(tmp_path / 's', [0, 1, 26, 27])
    export_animation(chosen(gap), tmp_path / f'f.{ending}')
    assert animation(tmp_path / f'f.{ending}')[1] == [40, 1000, 40, 40]


@pytest.mark.parametrize('ending', ['gif', 'webp', 'mp4'])
def test_pictures_are_scaled_to_a_width(store: Path, ending: str, tmp_path: Path) -> None:
    assert main(['--width', '192', '--to-index', '3', str(store), str(tmp_path / f'f.{ending}')]) == 0
    if ending == 'mp4':
        with av.open(tmp_path / 'f.mp4') as container:
            assert (container.streams.video[0].width, container.streams.video[0].height) == (192, 128)
    else:
        with Pillow.open(tmp_path / f'f.{ending}') as image:
            assert image.size == (192, 128)


def test_a_gif_of_few_colors_is_exact(tmp_path: Path) -> None:
    colors = [(255, 0, 0), (0, 255, 0), (10, 20, 200), (0, 0, 0)]
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(20, 30, 3)) as store:
        for number, color in enumerate(colors):
            store.add_image(np.full((20, 30, 3), color, np.uint8), number, number / 25)
    export_animation(chosen(tmp_path / 's'), tmp_path / 'f.gif')
    with Pillow.open(tmp_path / 'f.gif') as image:
        for place, color in enumerate(colors):
            image.seek(place)
            assert np.asarray(image.convert('RGB'))[5, 5].tolist() == list(reversed(color))


@pytest.mark.parametrize(
    ('name', 'options', 'argument'),
    [
        ('f.png', {}, 'path'),
        ('f.gif', {'quality': 5}, 'quality'),
        ('f.webp', {'quality': 101}, 'quality'),
        ('f.webp', {'width': 0}, 'width'),
        ('f.gif', {'speed': 0}, 'speed'),
    ],
)
def test_what_an_animation_cannot_have_is_refused(
    store: Path, name: str, options: dict[str, Any], argument: str, tmp_path: Path
) -> None:
    with raises(InvalidArgumentError, argument=argument):
        export_animation(chosen(store), tmp_path / name, **options)
    assert os.listdir(tmp_path) == []


def test_a_gap_longer_than_a_gif_can_hold_is_refused(tmp_path: Path) -> None:
    gap = store_of(tmp_path / 's', [0, 1], rate=1 / 700)
    with raises(InvalidArgumentError, frame_index=0):
        export_animation(chosen(gap), tmp_path / 'f.gif')


# --- several stores


def cells(picture: np.ndarray[Any, Any], shape: tuple[int, ...] = SHAPE) -> list[int | None]:
    """The frame in each cell of a grid, None for a black one."""
    height, width = shape[:2]
    found = [
        picture[top : top + height, left : left + width]
        for top in range(0, picture.shape[0], height)
        for left in range(0, picture.shape[1], width)
    ]
    return [None if cell.max() < 30 else index_in(cell) for cell in found]


def grids(path: Path) -> list[list[int | None]]:
    with av.open(path) as container:
        return [cells(frame.to_ndarray(format='bgr24')) for frame in container.decode(video=0)]


def test_a_mosaic_shows_the_frames_of_the_same_time(tmp_path: Path) -> None:
    """The second camera is 5 ms late and lost three frames, the third one has half the rate."""
    store_of(tmp_path / 'a', list(range(10)))
    store_of(tmp_path / 'b', [0, 1, 2, 6, 7, 8, 9], shift=0.005)
    store_of(tmp_path / 'c', list(range(5)), rate=12.5)
    paths = [str(tmp_path / name) for name in ('a', 'b', 'c', 'f.mp4')]
    assert main(['--mosaic', *paths]) == 0
    found = grids(tmp_path / 'f.mp4')
    assert [row[0] for row in found] == list(range(10))
    assert [row[1] for row in found] == [0, 1, 2, None, None, None, 6, 7, 8, 9]
    assert [abs(2 * not_none(row[2]) - index) <= 1 for index, row in enumerate(found)] == [True] * 10
    assert {row[3] for row in found} == {None}


def test_a_mosaic_keeps_the_proportions_of_other_sizes(tmp_path: Path) -> None:
    store_of(tmp_path / 'a', list(range(3)))
    store_of(tmp_path / 'b', list(range(3)), shape=(128, 96, 3))
    stores = [imgstore.new_for_filename(tmp_path / name) for name in ('a', 'b')]
    export_video(select(stores[0]), tmp_path / 'f.mp4', others=stores[1:])
    with av.open(tmp_path / 'f.mp4') as container:
        picture = next(container.decode(video=0)).to_ndarray(format='bgr24')
    assert picture.shape == (64, 192, 3)
    second = picture[:, 96:].max(axis=(0, 2)) > 40
    assert (int(np.argmax(second)), int(second.sum())) == (24, 48)


def test_the_nearest_frame_is_found_in_any_order_of_times(tmp_path: Path) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 5)) as store:
        for number, time in enumerate([3.0, 1.0, 2.0]):
            store.add_image(np.zeros((4, 5), np.uint8), number, time)
    with imgstore.new_for_filename(tmp_path / 's') as store:
        found = nearest_frames(np.array([0.0, 0.9, 1.6, 3.2, 4.0]), store, 0.5)
    assert found.tolist() == [-1, 1, 2, 0, -1]


def test_a_picture_that_is_black_is_told_with_its_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_of(tmp_path / 'a', list(range(50)))
    store_of(tmp_path / 'b', [*range(10), *range(20, 30), 35, *range(37, 50)])
    paths = [str(tmp_path / name) for name in ('a', 'b', 'f.gif')]
    assert main(['--mosaic', '--width', '48', *paths]) == 0
    assert (
        f"imgstore-export: warning: '{paths[1]}' is black at 16 of 50 times, without a frame: "
        'from 2023-11-14 22:13:20.400+00:00 to 2023-11-14 22:13:20.760+00:00, '
        'from 2023-11-14 22:13:21.200+00:00 to 2023-11-14 22:13:21.360+00:00, at 2023-11-14 22:13:21.440+00:00\n'
    ) in capsys.readouterr().err
    assert main(['--mosaic', '--json', '--overwrite', '--width', '48', *paths]) == 0
    (absent,) = json.loads(capsys.readouterr().out)['absent']
    assert (absent['store'], absent['frames'], len(absent['spans'])) == (paths[1], 16, 3)


def test_a_mosaic_of_full_stores_warns_of_nothing(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_of(tmp_path / 'b', list(range(40)), shift=0.01)
    assert main(['--mosaic', '--json', str(store), str(tmp_path / 'b'), str(tmp_path / 'f.mp4')]) == 0
    out, err = capsys.readouterr()
    assert (json.loads(out)['absent'], err) == ([], '')


@pytest.mark.parametrize(
    ('indexes', 'told'),
    [([], 'it is empty'), ([2000, 2001], 'its own are 2023-11-14 22:14:40.000+00:00 to 2023-11-14 22:14:40.040+00:00')],
)
@pytest.mark.parametrize('ending', ['mp4', 'gif'])
def test_a_mosaic_without_common_times_is_refused(
    store: Path, indexes: list[int], told: str, ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_of(tmp_path / 'b', indexes)
    assert main(['--mosaic', str(store), str(tmp_path / 'b'), str(tmp_path / f'f.{ending}')]) == 1
    err = capsys.readouterr().err
    assert told in err
    assert err.endswith('give stores recorded at the same time\n')
    assert os.listdir(tmp_path) == ['b']
    export = export_video if ending == 'mp4' else export_animation
    with raises(InvalidArgumentError, argument='others', store=str(tmp_path / 'b')):
        export(chosen(store), tmp_path / f'f.{ending}', others=[imgstore.new_for_filename(tmp_path / 'b')])
    assert os.listdir(tmp_path) == ['b']


def test_a_mark_without_common_times_stops_all_clips(store: Path, tmp_path: Path) -> None:
    store_of(tmp_path / 'b', list(range(10)))
    write_marks(tmp_path / 'marks.csv', [Mark(103), Mark(130)])
    clip = ['--clip', str(tmp_path / 'marks.csv'), '--mosaic']
    assert main([*clip, str(store), str(tmp_path / 'b'), str(tmp_path / 'f.mp4')]) == 1
    assert sorted(os.listdir(tmp_path)) == ['b', 'marks.csv']


@pytest.mark.parametrize(
    'args', [['{s}', '{s}', 'f.mp4'], ['--mosaic', '{s}', 'f.mp4'], ['--mosaic', '{s}', '{s}', 'f.csv']]
)
def test_a_mosaic_is_of_several_stores_in_a_video(
    store: Path, args: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main([arg.format(s=store) for arg in args])
    assert end.value.code == 2
    assert os.listdir(tmp_path) == []


# --- marks

MARKS = [Mark(103, 107, 'grooming bout'), Mark(120), Mark(130, 131, 'a/b: "c"')]


def test_each_mark_has_an_output_with_its_frames(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_marks(tmp_path / 'marks.csv', MARKS)
    assert main(['--clip', str(tmp_path / 'marks.csv'), str(store), str(tmp_path / 'bout.mp4')]) == 0
    names = ['bout-1-grooming-bout.mp4', 'bout-2.mp4', 'bout-3-a-b-c.mp4']
    assert sorted(os.listdir(tmp_path)) == [*names, 'marks.csv']
    assert [film(tmp_path / name)[0] for name in names] == [[3, 4, 5, 6, 7], [20], [30, 31]]
    assert capsys.readouterr().out.count('exported to') == 3


def test_each_clip_has_its_part_of_the_sound(store: Path, tmp_path: Path) -> None:
    with wave.open(str(tmp_path / 'a.wav'), 'wb') as file:
        file.setparams((1, 2, 8000, 0, 'NONE', ''))
        loud = np.zeros(16000, np.int16)
        loud[round(8000 * 30 / 25) : round(8000 * 32 / 25)] = 20000  # while frames 30 and 31 are shown
        file.writeframes(loud.tobytes())
    write_marks(tmp_path / 'marks.csv', MARKS)
    arguments = ['--clip', str(tmp_path / 'marks.csv'), '--audio', str(tmp_path / 'a.wav'), '--codec', 'h264']
    assert main([*arguments, str(store), str(tmp_path / 'c.mkv')]) == 0
    assert loudness(tmp_path / 'c-1-grooming-bout.mkv') < 0.01
    assert loudness(tmp_path / 'c-3-a-b-c.mkv') > 0.4


def loudness(path: Path) -> float:
    """Mean absolute value of the sound, 1 at most."""
    with av.open(path) as container:
        samples = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])
    return float(np.abs(samples / (2**15 if samples.dtype == np.int16 else 2**31)).mean())


@pytest.mark.parametrize('ending', ['', '.csv', '.gif', '.tif'])
def test_marks_are_for_every_kind_of_output(store: Path, ending: str, tmp_path: Path) -> None:
    write_marks(tmp_path / 'marks.csv', MARKS[:2])
    assert main(['--clip', str(tmp_path / 'marks.csv'), str(store), str(tmp_path / f'c{ending}')]) == 0
    assert sorted(os.listdir(tmp_path)) == [f'c-1-grooming-bout{ending}', f'c-2{ending}', 'marks.csv']


@pytest.mark.parametrize(
    ('content', 'told'),
    [
        ('start,end,label\n', 'has no marks'),
        ('start,end,label\n101,102,a\n900,910,b\n', 'mark 2, from 900 to 910'),
        ('start,end,label\nx,,\n', 'line 2'),
        ('number\n3\n', 'line 1'),
    ],
)
def test_marks_without_frames_are_one_line_and_write_nothing(
    store: Path, content: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'marks.csv').write_text(content)
    assert main(['--clip', str(tmp_path / 'marks.csv'), str(store), str(tmp_path / 'c.mp4')]) == 1
    err = capsys.readouterr().err
    assert told in err
    assert err.count('\n') == 1
    assert os.listdir(tmp_path) == ['marks.csv']


def test_an_output_that_is_there_stops_all(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_marks(tmp_path / 'marks.csv', MARKS)
    (tmp_path / 'c-2.npz').write_text('mine')
    arguments = ['--clip', str(tmp_path / 'marks.csv'), str(store), str(tmp_path / 'c.npz')]
    assert main(arguments) == 1
    assert '--overwrite' in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ['c-2.npz', 'marks.csv']
    assert main(['--overwrite', *arguments]) == 0
    assert np.load(tmp_path / 'c-2.npz')['frame_number'].tolist() == [120]


def test_marks_and_a_range_are_wrong_usage(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(['--clip', 'marks.csv', '--to-number', '3', str(store), 'c.mp4'])
    assert end.value.code == 2
    assert '--clip and --to-number both choose the frames' in capsys.readouterr().err
