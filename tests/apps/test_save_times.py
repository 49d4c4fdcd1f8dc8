"""imgstore-save --times: the frames of a video with times from another file."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import imgstore
from imgstore.apps import export, main_saver

from ..helpers.fake_camera import Image
from ..helpers.films import make_film, read

COUNT = 12
NUMBERS = [1, 2, 3, 5, 6, 7, 8, 11, 12, 13, 14, 15]
TIMES = [number * 0.04 for number in NUMBERS]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return make_film(tmp_path / 'film.mkv', images(COUNT), 'bgr0')


def images(count: int) -> list[Image]:
    return [np.full((16, 16, 3), 10 * number, np.uint8) for number in range(count)]


def save(film: Path, times: Path, store: Path, *more: str) -> int:
    return main_saver(['--format', 'npy', '--source', str(film), '--times', str(times), *more, str(store)])


def text(path: Path, content: str) -> Path:
    path.write_bytes(content.encode())
    return path


def lines(values: list[Any]) -> str:
    return '\n'.join(map(str, values))


def check(store: Path, numbers: list[int], times: list[float]) -> None:
    found = read(store)
    assert found[1] == numbers
    assert found[2] == times
    assert [int(image[0, 0, 0]) for image in found[0]] == [10 * index for index in range(len(numbers))]


def test_frames_get_numbers_and_times_of_campy(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The gaps in the numbers, of frames that the camera dropped, stay."""
    np.save(tmp_path / 'frametimes.npy', np.array([NUMBERS, TIMES]))
    assert save(film, tmp_path / 'frametimes.npy', tmp_path / 'store') == 0
    check(tmp_path / 'store', NUMBERS, TIMES)
    out = capsys.readouterr().out
    assert "times in column 'timeStamp', unit s; numbers in column 'frameNumber'" in out
    assert '12 frames saved' in out


@pytest.mark.parametrize('extension', ['mp4', 'avi'])
def test_encoded_videos_with_reordered_frames_keep_the_order(extension: str, tmp_path: Path) -> None:
    from fractions import Fraction

    import av

    path = tmp_path / f'film.{extension}'
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=25, options={'bf': '2', 'g': '6', 'crf': '1'})
        stream.height = stream.width = 64
        stream.pix_fmt = 'yuv420p'
        for number in range(COUNT):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 16 * number + 20, np.uint8), format='bgr24')
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert save(path, text(tmp_path / 't.csv', lines(TIMES)), tmp_path / 'store') == 0
    found, _, times = read(tmp_path / 'store')
    assert times == TIMES
    assert np.allclose([image.mean() for image in found], [16 * number + 20 for number in range(COUNT)], atol=4)


@pytest.mark.process
def test_the_real_command_reads_a_process_substitution(film: Path, tmp_path: Path) -> None:
    text(tmp_path / 't.csv', 'x,ms\n' + lines([f'0,{40 * n}' for n in range(COUNT)]))
    command = f'{sys.executable} -c "import sys; from imgstore.apps import main_saver; sys.exit(main_saver())"'
    script = f'{command} --source {film} --times <(cut -d, -f2 {tmp_path}/t.csv) {tmp_path}/store'
    done = subprocess.run(['bash', '-c', script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with imgstore.new_for_filename(tmp_path / 'store') as store:
        assert store.frame_times.tolist() == [40 * n / 1000 for n in range(COUNT)]


@pytest.mark.parametrize(('count', 'said'), [(COUNT + 3, '3 times too many'), (COUNT - 1, '1 time too few')])
def test_another_count_is_an_error_before_anything_is_written(
    film: Path, tmp_path: Path, count: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    times = text(tmp_path / 't.csv', lines([n / 25 for n in range(count)]))
    assert save(film, times, tmp_path / 'store') == 1
    err = capsys.readouterr().err
    assert said in err
    assert f'{count} times, but' in err
    assert f'{COUNT} frames' in err
    assert not (tmp_path / 'store').exists()


def test_another_count_leaves_an_old_store_as_it_is(film: Path, tmp_path: Path) -> None:
    good = text(tmp_path / 't.csv', lines(TIMES))
    assert save(film, good, tmp_path / 'store') == 0
    assert save(film, text(tmp_path / 'u.csv', lines(TIMES[1:])), tmp_path / 'store', '--overwrite') == 1
    assert read(tmp_path / 'store')[2] == TIMES
    assert save(film, text(tmp_path / 'v.csv', lines(TIMES)), tmp_path / 'store', '--overwrite') == 0


@pytest.mark.parametrize('count', [COUNT + 3, COUNT - 2])
def test_a_limit_of_frames_takes_the_first_ones(film: Path, tmp_path: Path, count: int) -> None:
    times = [n / 25 for n in range(count)]
    assert save(film, text(tmp_path / 't.csv', lines(times)), tmp_path / 'store', '--frames', '10') == 0
    check(tmp_path / 'store', list(range(10)), times[:10])


def test_a_limit_beyond_the_shorter_one_is_no_excuse(film: Path, tmp_path: Path) -> None:
    assert save(film, text(tmp_path / 't.csv', lines(TIMES[:8])), tmp_path / 'store', '--frames', '10') == 1
    assert not (tmp_path / 'store').exists()


def test_times_that_go_back_are_kept_with_a_warning(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times = [*TIMES[:6], *TIMES[:6]]
    content = 'frame,time_s\n' + lines([f'{n % 11},{time!r}' for n, time in enumerate(times)])
    assert save(film, text(tmp_path / 't.csv', content), tmp_path / 'store') == 0
    check(tmp_path / 'store', [n % 11 for n in range(COUNT)], times)
    err = capsys.readouterr().err
    assert '1 time is not later than the one before, first of frame 6 from 0' in err
    assert '1 frame number is not larger than the one before, first of frame 11 from 0' in err


def test_a_start_time_shifts_all_times(film: Path, tmp_path: Path) -> None:
    times = text(tmp_path / 't.csv', lines([n / 4 for n in range(COUNT)]))
    assert save(film, times, tmp_path / 'store', '--start-time', '1700000000') == 0
    assert read(tmp_path / 'store')[2] == [1700000000 + n / 4 for n in range(COUNT)]


def test_images_get_times_too(tmp_path: Path) -> None:
    (tmp_path / 'images').mkdir()
    for number, image in enumerate(images(4)):
        cv2.imwrite(str(tmp_path / 'images' / f'{number}.png'), image)
    times = text(tmp_path / 't.csv', lines(TIMES[:4]))
    assert save(tmp_path / 'images', times, tmp_path / 'store') == 0
    check(tmp_path / 'store', [0, 1, 2, 3], TIMES[:4])
    assert save(tmp_path / 'images', text(tmp_path / 'u.csv', lines(TIMES)), tmp_path / 'other') == 1
    assert not (tmp_path / 'other').exists()


def test_each_page_of_a_stack_needs_a_time(tmp_path: Path) -> None:
    cv2.imwritemulti(str(tmp_path / 'stack.tif'), images(5))
    assert save(tmp_path / 'stack.tif', text(tmp_path / 't.csv', lines(TIMES[:5])), tmp_path / 'store') == 0
    check(tmp_path / 'store', [0, 1, 2, 3, 4], TIMES[:5])
    for name, count in ('one', 1), ('six', 6):
        assert save(tmp_path / 'stack.tif', text(tmp_path / 't.csv', lines(TIMES[:count])), tmp_path / name) == 1
    assert not (tmp_path / 'six').exists()


@pytest.mark.process
@pytest.mark.parametrize('count', [3, 4, 6])
def test_a_pipe_keeps_the_frames_that_have_times(count: int, tmp_path: Path) -> None:
    code = 'import sys; from imgstore.apps import main_saver; sys.exit(main_saver())'
    times = text(tmp_path / 't.csv', lines(TIMES[:count]))
    store = tmp_path / 'store'
    options = ['--format', 'npy', '--source', '-', '--raw', '8x4', '--times', str(times), str(store)]
    done = subprocess.run(
        [sys.executable, '-c', code, *options], input=bytes(4 * 8 * 4), capture_output=True, check=False
    )
    assert done.returncode == (0 if count == 4 else 1)
    assert (b'1 time too few' in done.stderr) == (count == 3)
    assert (b'2 times too many' in done.stderr) == (count == 6)
    assert read(store)[2] == TIMES[: min(count, 4)]


def test_a_table_of_our_own_comes_back_exactly(film: Path, tmp_path: Path) -> None:
    """The csv of imgstore-export gives each frame its number and time again."""
    np.save(tmp_path / 'frametimes.npy', np.array([NUMBERS, [1.7e9 + time / 3 for time in TIMES]]))
    assert save(film, tmp_path / 'frametimes.npy', tmp_path / 'first') == 0
    assert export.main([str(tmp_path / 'first'), str(tmp_path / 'table.csv')]) == 0
    assert save(film, tmp_path / 'table.csv', tmp_path / 'second') == 0
    assert read(tmp_path / 'second')[1:] == read(tmp_path / 'first')[1:]
    with open(tmp_path / 'table.csv', newline='') as file:
        assert len(list(csv.reader(file))) == COUNT + 1


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (['--source', '0', '--times', 't.csv'], 'a camera has its own times'),
        (['--source', 'film.mkv', '--times', 't.csv', '--fps', '25'], '--times and --fps'),
        (['--source', 'film.mkv', '--times-unit', 's'], '--times-unit needs --times'),
        (['--source', 'film.mkv', '--numbers-column', '1'], '--numbers-column needs --times'),
    ],
)
def test_options_that_do_not_fit_are_refused(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main_saver([*options, 'store'])
    assert said in capsys.readouterr().err


def test_a_bad_time_names_its_line(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert save(film, text(tmp_path / 't.csv', 'time_s\n0.1\nNaN\n'), tmp_path / 'store') == 1
    assert "line 3: 'NaN' is not a time in s" in capsys.readouterr().err
    assert not (tmp_path / 'store').exists()


@pytest.mark.parametrize('more', [0, 5])
def test_frames_before_the_cut_keep_their_times(
    more: int, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cut-off video is saved as without --times, with exit code 1, however many frames its header promises."""
    film.write_bytes(film.read_bytes()[:-300])
    times = [n / 25 for n in range(COUNT + more)]
    assert save(film, text(tmp_path / 't.csv', lines(times)), tmp_path / 'store') == 1
    assert 'cut off' in capsys.readouterr().err
    found = read(tmp_path / 'store')
    assert 4 < len(found[0]) < COUNT
    check(tmp_path / 'store', list(range(len(found[0]))), times[: len(found[0])])
