from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest

import imgstore
from imgstore.apps.info import main
from imgstore.errors import MissingDependencyError
from imgstore.ondisk.lock import lock_state
from imgstore.overview import frame_timing, overview
from imgstore.overview.interval_plot import draw_intervals, interval_figure

from ..helpers.checked import not_none
from ..helpers.display import python_env
from ..helpers.small_stores import store_of


def frames_at(folder: Path, frames: list[tuple[int, float]], **options: Any) -> Path:
    with imgstore.new_for_format('npy', folder, imgshape=(4, 5), chunksize=4, **options) as store:
        for number, time in frames:
            store.add_image(np.zeros((4, 5), np.uint8), number, time)
    return folder


EVEN = [(n, 1.7e9 + n / 10) for n in range(10)]
DROPPED = [(n, 1.7e9 + n / 10) for n in range(20) if n not in (7, 8, 15)]


def test_an_overview_counts_frames_chunks_and_files(tmp_path: Path) -> None:
    found = overview(frames_at(tmp_path / 's', EVEN, metadata={'subject': 'A7'}))
    assert (found.frames, found.first_number, found.last_number) == (10, 0, 9)
    assert (found.chunks, found.chunk_frames, found.chunksize) == (3, (2, 4), 4)
    files = [path for path in (tmp_path / 's').rglob('*') if path.is_file()]
    assert (found.files, found.bytes_on_disk) == (len(files), sum(path.stat().st_size for path in files))
    assert found.metadata == {'subject': 'A7'}
    assert found.duration == pytest.approx(0.9)
    assert found.health.good


def test_rates_are_of_the_median_interval_and_of_the_whole(tmp_path: Path) -> None:
    found = overview(frames_at(tmp_path / 's', DROPPED)).pace
    assert found.rate == pytest.approx(10, rel=1e-5)
    assert found.mean_rate == pytest.approx(16 / 1.9)
    assert (found.shortest_interval, found.longest_interval) == pytest.approx((0.1, 0.3), rel=1e-5)


def test_missing_numbers_and_long_intervals_are_counted(tmp_path: Path) -> None:
    """The overview counts and names missing frame numbers and long intervals."""
    found = overview(frames_at(tmp_path / 's', DROPPED)).pace
    assert (found.missing_numbers, found.number_gaps, found.slow_intervals) == (3, 2, 1)
    assert [(drop.frame_index, drop.frame_number, drop.missing_numbers) for drop in found.drops] == [
        (6, 6, 2),
        (12, 14, 1),
    ]


def test_largest_drops_are_named_in_store_order(tmp_path: Path) -> None:
    """The overview names only the largest drops, in the order of the store."""
    numbers = np.cumsum([0, 1, 3, 1, 9, 1, 5, 1])
    drops = frame_timing(numbers, numbers / 10, drops=2).drops
    assert [drop.missing_numbers for drop in drops] == [8, 4]


def test_repeated_and_falling_numbers_and_times_are_counted() -> None:
    found = frame_timing(np.array([5, 5, 6, 2, 3]), np.array([0, 1.0, 1.0, 0.5, 2]))
    assert (found.repeated_numbers, found.backward_numbers, found.backward_times) == (1, 1, 2)
    assert found.missing_numbers == 0


def test_roi_and_binning_are_shown_with_the_sensor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(40, 60), roi=(8, 4, 32, 20), binning=(2, 4)):
        pass
    frames_at(tmp_path / 'other', EVEN)
    assert main(['--json', str(tmp_path / 's'), str(tmp_path / 'other')]) == 0
    found, other = map(json.loads, capsys.readouterr().out.splitlines())
    assert (found['sensor_shape'], found['roi'], found['binning']) == ([40, 60], [8, 4, 32, 20], [2, 4])
    assert (other['sensor_shape'], other['roi'], other['binning']) == (None, None, None)
    assert main([str(tmp_path / 's')]) == 0
    shown = capsys.readouterr().out
    assert '60 x 40, ROI of 32 x 20 at x 8, y 4, binning 2 x 4 (vertical x horizontal)' in shown
    assert main([str(tmp_path / 'other')]) == 0
    assert 'ROI' not in capsys.readouterr().out


def test_one_odd_frame_is_told_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames_at(tmp_path / 's', [(5, 0.0), (5, 1.0), (2, 0.5)])
    assert main([str(tmp_path / 's')]) == 0
    told = capsys.readouterr().out
    for one in ('1 frame is not later', '1 frame repeats the number', '1 frame has a smaller number'):
        assert one in told


@pytest.mark.parametrize('frames', [[], [(3, 1.5)]])
def test_without_intervals_there_is_no_rate(frames: list[tuple[int, float]], tmp_path: Path) -> None:
    found = overview(frames_at(tmp_path / 's', frames))
    assert (found.frames, found.pace.rate, found.pace.drops) == (len(frames), None, ())
    assert main([str(tmp_path / 's'), '--plot', str(tmp_path / 'p.png')]) == 0


def test_columns_of_extra_data_are_named(tmp_path: Path) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 5)) as store:
        store.add_image(np.zeros((4, 5), np.uint8), 0, 0)
        store.add_extra_data(temperature=21.5, lever=True)
    found = overview(tmp_path / 's')
    assert (found.extra_data_columns, found.extra_data_files) == (('temperature', 'lever'), 1)


def test_columns_of_a_sensors_hdf5_are_named(tmp_path: Path) -> None:
    folder = frames_at(tmp_path / 's', EVEN)
    with h5py.File(folder / '000000.extra_data.h5', 'w') as file:
        file.attrs['datasets'] = 'mic'
        file['mic'] = np.zeros((1, 3))
        file['mic'].attrs['column_names'] = 'sound'
        file['camera'] = np.zeros(3, [('frame_number', '<i8'), ('frame_time', '<f8')])
    assert overview(folder).extra_data_columns == ('sound',)


# --- health


def test_a_lock_that_nobody_holds_was_left(tmp_path: Path) -> None:
    folder = frames_at(tmp_path / 's', EVEN)
    (folder / '.lock').touch()
    health = overview(folder).health
    assert health.lock == 'left'
    assert not health.good
    assert (folder / '.lock').exists()


def test_store_being_written_is_reported_undisturbed(tmp_path: Path) -> None:
    """A store that is being written is reported as such, and its writer is not disturbed."""
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 5), chunksize=2, workers=0) as store:
        for number in range(3):
            store.add_image(np.zeros((4, 5), np.uint8), number, number)
        assert (tmp_path / 's' / '000001' / '000000.npy').exists()
        health = overview(tmp_path / 's').health
        assert health.lock == 'held'
        assert health.good
        assert lock_state(str(tmp_path / 's' / '.lock')) == 'held'
        store.add_image(np.zeros((4, 5), np.uint8), 3, 3)
    assert lock_state(str(tmp_path / 's' / '.lock')) == 'none'
    assert overview(tmp_path / 's').frames == 4


def test_chunks_without_index_and_chunks_that_are_gone_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = store_of(tmp_path / 's', list(range(8)))
    (folder / '000001' / 'index.npz').unlink()
    (folder / '000002').rename(tmp_path / 'elsewhere')
    health = overview(folder).health
    assert health.missing_chunks == (1, 2)
    assert any('chunk 1 is skipped' in text for text in health.skipped_chunks)
    assert main([str(folder)]) == 0
    out = capsys.readouterr().out
    assert 'NOT GOOD' in out
    assert 'chunk 1 is skipped: it has no index' in out


def test_a_chunk_that_was_not_completed_is_told(tmp_path: Path) -> None:
    folder = frames_at(tmp_path / 's', EVEN)
    (folder / '.000003.open.mp4').touch()
    health = overview(folder).health
    assert health.unclosed == ('.000003.open.mp4',)
    assert not health.good


def test_a_saved_index_that_no_longer_fits_is_told(tmp_path: Path) -> None:
    folder = frames_at(tmp_path / 's', EVEN)
    assert overview(folder).health.saved_index == 'none'
    with imgstore.new_for_filename(folder) as store:
        store.save_index(sqlite=False)
    assert overview(folder).health.saved_index == 'fits'
    np.savez(folder / '000001' / 'index.npz', frame_number=[1, 2], frame_time=[0.1, 0.2])
    assert overview(folder).health.saved_index == 'outdated'


# --- the command


def test_the_screen_tells_what_matters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = frames_at(tmp_path / 's', DROPPED, metadata={'subject': 'A7'})
    assert main([str(folder)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f'{folder}\n')
    for text in (
        'npy, 5 x 4 gray uint8',
        '17, numbered from 0 to 19',
        '0:00:01.900',
        '10 a second',
        '3 numbers missing, at 2 places; 1 long interval',
        'after frame 6, at 0.600 s (2023-11-14 22:13:20.600',
        '2 missing, 300 ms to the next',
        '5 of 1 to 4 frames',
        'subject: A7',
        'good',
    ):
        assert text in out
    assert max(map(len, out.splitlines())) < 120


def test_long_metadata_does_not_fill_the_screen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(frames_at(tmp_path / 's', EVEN, metadata={f'key{n}': n for n in range(500)}))])
    out = capsys.readouterr().out
    assert len(out.splitlines()) < 30
    assert '488 more lines' in out


def test_json_is_an_object_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = frames_at(tmp_path / 'a', EVEN), frames_at(tmp_path / 'b', [(0, float('inf'))])
    assert main(['--json', str(one), str(other)]) == 0
    first, second = (json.loads(line, parse_constant=pytest.fail) for line in capsys.readouterr().out.splitlines())
    assert (first['path'], first['frames'], first['pace']['missing_numbers']) == (str(one), 10, 0)
    assert first['health']['good'] is True
    assert second['first_time'] is None


def test_good_stores_are_printed_despite_a_bad_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of several stores the good ones are printed, and a bad one makes the exit code 1."""
    folder = frames_at(tmp_path / 's', EVEN)
    assert main([str(tmp_path / 'none'), str(folder)]) == 1
    out, err = capsys.readouterr()
    assert '10, numbered' in out
    assert err.count('\n') == 1
    assert 'none' in err


@pytest.mark.slow
@pytest.mark.process
def test_a_process_tells_of_a_store(tmp_path: Path) -> None:
    code = 'import sys; from imgstore.apps.info import main; sys.exit(main())'
    done = subprocess.run(
        [sys.executable, '-c', code, str(frames_at(tmp_path / 's', EVEN))],
        env=python_env(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, '')
    assert '10, numbered from 0 to 9' in done.stdout


def test_a_picture_is_drawn_and_none_is_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, picture = frames_at(tmp_path / 's', DROPPED), tmp_path / 'p.png'
    assert main([str(folder), '--plot', str(picture)]) == 0
    assert not_none(cv2.imread(str(picture))).shape == (900, 1600, 3)
    picture.write_bytes(b'mine')
    assert main([str(folder), '--plot', str(picture)]) == 1
    assert picture.read_bytes() == b'mine'
    assert '--overwrite' in capsys.readouterr().err
    assert main([str(folder), '--plot', str(picture), '--overwrite']) == 0
    assert picture.read_bytes() != b'mine'


@pytest.mark.parametrize('name', ['p', 'p.txt', 'none/p.png'])
def test_a_picture_that_cannot_be_written_is_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(frames_at(tmp_path / 's', EVEN)), '--plot', str(tmp_path / name)]) == 1
    assert capsys.readouterr().err.startswith('imgstore-info: ')


def parts(*arguments: Any) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """The lines of the upper and of the lower axes by label, and all labels of axes."""
    figure = interval_figure(*arguments)
    above, below = ({str(each.get_label()): each for each in [*axes.lines, *axes.collections]} for axes in figure.axes)
    return above, below, [text for axes in figure.axes for text in (axes.get_xlabel(), axes.get_ylabel())]


def test_the_picture_shows_where_numbers_are_missing() -> None:
    numbers = np.arange(1000)
    numbers[500:] += 4
    _, below, labels = parts(numbers, numbers / 25, 'title')
    (line,) = below['missing frame numbers: 4'].get_segments()
    assert line[:, 1].tolist() == [0, 4]
    assert abs(line[0, 0] - 499 / 25) < 0.04
    assert 'frame numbers that are missing' in labels


def test_the_picture_of_an_even_recording_marks_nothing() -> None:
    above, below, labels = parts(np.arange(1000), np.arange(1000) / 25, 'title')
    assert not len(above['longer than that: 0'].get_xdata())
    assert not below['missing frame numbers: 0'].get_segments()
    assert labels == ['', 'ms between frames', 's since the first frame', 'no frame number is missing']


def test_the_picture_shows_intervals_their_median_and_gaps() -> None:
    times = np.arange(1000) / 25
    times[700:] += 0.2
    above, _, _ = parts(np.arange(1000), times, 'title')
    assert above['longer than that: 1'].get_ydata() == pytest.approx([240])
    assert above['longer than that: 1'].get_xdata() == pytest.approx([699 / 25], abs=0.04)
    drawn = above['interval to the next frame'].get_ydata()
    assert (drawn.min(), drawn.max()) == pytest.approx((40, 240))
    assert above['median, 40 ms'].get_ydata() == pytest.approx([40, 40])
    assert above['2.5 x median'].get_ydata() == pytest.approx([100, 100])
    times[700:] += 3600
    assert {'ms between frames (logarithmic)', 'min since the first frame'} <= {*parts(np.arange(1000), times, '')[2]}


def test_the_picture_marks_where_chunks_begin() -> None:
    times = np.arange(1000) / 10
    times[3] = np.nan
    figure = interval_figure(np.arange(1000), times, 'title', range(0, 1000, 200))
    for axes in figure.axes:
        assert axes.lines[-1].get_xdata() == pytest.approx([20, 40, 60, 80], abs=0.1)
    assert figure.axes[1].get_xlabel() == 's since the first frame; ticks inwards: a chunk begins'


@pytest.mark.parametrize('title', ['a$b$ {', 'm\u4e2d\udcff\n'])
def test_any_title_can_be_drawn(title: str) -> None:
    figure = interval_figure(np.arange(3), np.arange(3.0), title)
    assert figure.get_suptitle() == title.replace('\u4e2d\udcff\n', '???')
    assert draw_intervals(np.arange(3), np.arange(3.0), title).shape == (900, 1600, 3)


def test_without_matplotlib_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, 'matplotlib.figure', None)
    with pytest.raises(MissingDependencyError, match=r'pip install "imgstore\[plot\]"') as caught:
        draw_intervals(np.arange(3), np.arange(3.0), 'title')
    assert caught.value.name == 'matplotlib'
    assert main([str(frames_at(tmp_path / 's', EVEN)), '--plot', str(tmp_path / 'p.png')]) == 1
    assert 'imgstore[plot]' in capsys.readouterr().err
    assert not (tmp_path / 'p.png').exists()


@pytest.mark.slow
@pytest.mark.process
def test_matplotlib_is_imported_for_a_plot_alone() -> None:
    code = 'import sys, imgstore.apps.info; assert not any("matplotlib" in name for name in sys.modules)'
    subprocess.run([sys.executable, '-c', code], check=True, env=python_env(), timeout=120)


@pytest.mark.once
@pytest.mark.parametrize(
    'times',
    [
        [0, 0, 0],
        [0, -1, 5],
        [0, np.nan, 1],
        [1e9, 1e9 + 1e-3, 2e9],
        [0, np.inf],
        [5, 4, 3],
        [0, 5e-324],
        [-1e300, 1e300, 0],
        [],
    ],
)
def test_any_times_can_be_drawn(times: list[float]) -> None:
    assert draw_intervals(np.arange(len(times)), np.array(times, np.float64), 'title').shape == (900, 1600, 3)


def test_two_million_frames_are_drawn_at_once() -> None:
    numbers = np.arange(2_000_000)
    assert draw_intervals(numbers, numbers / 30, 'title').shape == (900, 1600, 3)
    above, _, _ = parts(numbers, numbers / 30, 'title')
    assert len(above['interval to the next frame'].get_xdata()) < 4000  # as many as the picture has room for


def test_the_screen_tells_what_is_not_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = frames_at(tmp_path / 's', EVEN)
    with imgstore.new_for_filename(folder) as store:
        store.save_index(sqlite=False)
    np.savez(folder / '000001' / 'index.npz', frame_number=[1, 2], frame_time=[0.1, 0.2])
    (folder / '.lock').touch()
    (folder / '.000003.open.mp4').touch()
    main([str(folder)])
    out = capsys.readouterr().out
    for text in ('NOT GOOD', 'a dead writer left its lock', 'incomplete: .000003.open.mp4', 'the index cache is stale'):
        assert text in out


def test_the_screen_tells_that_a_writer_is_at_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 5), workers=0) as store:
        store.add_image(np.zeros((4, 5), np.uint8), 0, 0.0)
        assert main([str(tmp_path / 's')]) == 0
        assert 'a writer has the store open' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('args', 'told'),
    [(['--drops', 'many', 's'], 'many is not a number of drops'), (['--plot', 'p.png', 's', 't'], 'takes one store')],
)
def test_wrong_usage_is_explained(args: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(args)
    assert end.value.code == 2
    assert told in ' '.join(capsys.readouterr().err.split())


def test_damaged_records_leave_the_rest_of_an_overview(tmp_path: Path) -> None:
    folder = frames_at(tmp_path / 's', EVEN)
    with h5py.File(folder / '000000.extra_data.h5', 'w') as file:
        file['camera'] = np.zeros(4, [('frame_number', '<i8')])
        file.attrs['datasets'] = 'missing'
    found = overview(folder)
    assert (found.frames, found.extra_data_columns) == (10, ())
