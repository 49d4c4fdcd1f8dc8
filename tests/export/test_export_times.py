"""Exports of times and extra data that are not as usual, and of names that are not UTF-8: true, or an error."""

import csv
import json
import os
import subprocess
import sys

import av
import numpy as np
import pytest

import imgstore
from imgstore.apps._cli import frames_per_second
from imgstore.apps.export import main
from imgstore.errors import ImgStoreError, InvalidArgumentError
from imgstore.export import FileSound, build_table, export_csv, export_video, select
from imgstore.export.tables import _harmless

from ..helpers.checked import not_none
from ..helpers.display import python_env
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises
from ..helpers.video_kinds import Kind, shown

T0 = 1.7e9
SHAPE = (64, 96)


def store_of(path, times, fmt='png', **options):
    with imgstore.new_for_format(fmt, path, imgshape=SHAPE, chunksize=100, **options) as store:
        for index, time in enumerate(times):
            store.add_image(numbered(index, SHAPE), index, time)
    return imgstore.new_for_filename(path)


def probed(path):
    """When each frame is shown, as the packets say."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return sorted(
            float(not_none(packet.pts) * packet.time_base) for packet in container.demux(stream) if packet.size
        )


CASES = {
    'a pause of 7 hours': [T0 + i / 25 for i in range(4)] + [T0 + 7 * 3600 + i / 25 for i in range(4)],
    'a pause of two days': [T0 + i / 25 for i in range(4)] + [T0 + 2 * 86400 + i / 25 for i in range(4)],
    'a frame a day': [T0 + 86400 * i for i in range(6)],
    'a frame every 6 hours': [T0 + 21600 * i for i in range(6)],
    'a frame a week': [T0 + 7 * 86400 * i for i in range(6)],
    'a frame a month': [T0 + 30 * 86400 * i for i in range(6)],
    'a clock that was set': [5 + i / 25 for i in range(4)] + [T0 + i / 25 for i in range(4)],
    'milliseconds': [T0 * 1000 + 40 * i for i in range(6)],
    'microseconds': [T0 * 1e6 + 40_000 * i for i in range(6)],
    'nanoseconds': [T0 * 1e9 + 4e7 * i for i in range(6)],
    'one frame': [T0],
}
NOT_IN_MP4 = {'a frame a month', 'a clock that was set', 'nanoseconds'}


@pytest.mark.parametrize('fmt', ['png', 'avc1/mp4'])
@pytest.mark.parametrize('extension', ['.mp4', '.mkv'])
@pytest.mark.parametrize('name', CASES)
def test_export_keeps_frame_times_or_names_container(tmp_path, name, extension, fmt):
    """An export shows frames at their times, or its error names the container to use."""
    times, target = CASES[name], tmp_path / f'x{extension}'
    with store_of(tmp_path / 's', times, fmt) as store:
        if extension == '.mp4' and name in NOT_IN_MP4:
            with pytest.raises(InvalidArgumentError, match=r'hours .* export to \.mkv'):
                export_video(select(store), target)
            assert not target.exists()
            return
        export_video(select(store), target)
    shown = probed(target)
    assert np.allclose(np.subtract(shown, shown[0]), np.subtract(times, times[0]), rtol=0, atol=1e-3)


def told_by_ffprobe(path):
    """When the ffprobe program shows each frame, and what it warns of."""
    done = subprocess.run(
        ['ffprobe', '-v', 'warning', '-show_entries', 'frame=best_effort_timestamp_time', '-of', 'csv=p=0', str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(line.strip(',')) for line in done.stdout.split()], done.stderr


LONG = {
    f'{seconds} s after frame {before}': [T0 + i / 25 + seconds * (i >= before) for i in range(24)]
    for seconds in (1400, 2900, 3000, 5900)
    for before in (1, 2, 3, 12, 23)
}
LONG |= {f'{seconds} s between frames': [T0 + seconds * i for i in range(24)] for seconds in (180, 800, 3000)}
LONG |= {
    'two pauses': [T0 + i / 25 + 1600 * (i > 9) + 1600 * (i > 11) for i in range(24)],
    'over 6 hours': [T0 + i / 25 + 24_000 * (i > 9) for i in range(24)],
    'over 23 days': [T0 + i / 25 + 2e6 * (i > 9) for i in range(24)],
}


@pytest.mark.process
@pytest.mark.parametrize('name', LONG)
@pytest.mark.slow
def test_ffmpeg_shows_mp4_with_long_pauses_on_time(tmp_path, name):
    """FFmpeg 5.1 ignores the order of showing in a file in which a frame is shown 2**28 ticks after it is decoded."""
    times = LONG[name]
    with store_of(tmp_path / 's', times) as store:
        export_video(select(store), tmp_path / 'x.mp4')
    found, warnings = told_by_ffprobe(tmp_path / 'x.mp4')
    assert warnings == ''
    assert np.allclose(np.subtract(found, found[0]), np.subtract(times, times[0]), rtol=0, atol=1e-3)
    images, _ = shown(tmp_path / 'x.mp4', Kind('.mp4', None))
    assert [index_in(image) for image in images] == list(range(24))


def test_frames_are_reordered_where_the_container_holds_that(tmp_path):
    for name, times in {'short': [T0 + i / 25 for i in range(24)], 'long': LONG['3000 s after frame 12']}.items():
        for extension in ('.mp4', '.mkv'):
            with store_of(tmp_path / 's', times, overwrite=True) as store:
                export_video(select(store), tmp_path / f'{name}{extension}')
            with av.open(str(tmp_path / f'{name}{extension}')) as container:
                reorders = any(packet.pts != packet.dts for packet in container.demux(video=0) if packet.size)
            assert reorders == (name == 'short' or extension == '.mkv')


@pytest.mark.parametrize('extension', ['.mp4', '.mkv'])
def test_a_clock_that_was_set_back_is_an_error_that_says_where(tmp_path, extension):
    times = [T0 + i / 25 for i in range(4)] + [T0 - 3600 + i / 25 for i in range(4)]
    with store_of(tmp_path / 's', times) as store:
        with raises(InvalidArgumentError, frame_index=4):
            export_video(select(store), tmp_path / f'x{extension}')
        for name, part in (('a', select(store, to_index=4)), ('b', select(store, from_index=4))):
            export_video(part, tmp_path / f'{name}{extension}')
            assert np.allclose(probed(tmp_path / f'{name}{extension}'), [0, 0.04, 0.08, 0.12], atol=1e-3)
        assert build_table(select(store), 'frames')['frame_time'].tolist() == times


def test_times_that_no_video_holds_are_an_error(tmp_path):
    with store_of(tmp_path / 's', [0.0, 1e18]) as store, pytest.raises(InvalidArgumentError, match='no video can hold'):
        export_video(select(store), tmp_path / 'x.mkv')


@pytest.mark.parametrize('scale', [1e3, 1e6, 1e9])
@pytest.mark.parametrize('extension', ['.mkv', '.csv', '.txt', '.npz', ''])
def test_times_that_are_not_in_seconds_are_exported_as_they_are(tmp_path, extension, scale):
    times = [T0 * scale + scale * i for i in range(3)]
    store_of(tmp_path / 's', times).close()
    target = tmp_path / f'x{extension}'
    assert main(['--status-bar'] * (extension in ('.mkv', '')) + [str(tmp_path / 's'), str(target)]) == 0
    if extension == '.mkv':
        with av.open(str(target)) as container:
            assert not {key for key in container.metadata if key.lower() in ('creation_time', 'date')}
    if extension == '.csv':
        assert [float(row['frame_time']) for row in rows_of(target)] == times


# --- ranges and rates


@pytest.mark.parametrize(
    ('options', 'told'),
    [
        (['--from-seconds', '10', '--to-seconds', '5'], 'by seconds from 10.0 to 5.0 is empty'),
        (['--from-number', '3', '--to-number', '3'], 'by number from 3 to 3 is empty'),
        (['--from-index', '-1', '--to-index', '-3'], 'by index from -1 to -3 is empty'),
        (
            ['--from-time', '2023-11-14 22:13:21+00:00', '--to-time', '2023-11-14 22:13:20+00:00'],
            'by time from 2023-11-1',
        ),
    ],
)
def test_an_empty_range_is_not_blamed_on_the_store(tmp_path, capsys, options, told):
    store_of(tmp_path / 's', [T0, T0 + 1, T0 + 20]).close()
    assert main([*options, str(tmp_path / 's'), str(tmp_path / 'x.csv')]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert 'no frame of' not in error


@pytest.mark.parametrize(
    ('text', 'rate'),
    [
        ('30000/1001', 30000 / 1001),
        ('24000/1001', 24000 / 1001),
        ('29.97', 29.97),
        ('25', 25.0),
        ('1/60', 1 / 60),
        ('30/1.001', 30 / 1.001),
    ],
)
def test_a_rate_is_a_number_or_a_fraction(text, rate):
    assert frames_per_second(text) == rate


@pytest.mark.parametrize('text', ['0', '-1', '1/0', '30/', '/30', 'x', 'nan', 'inf', '1/inf', '1/2/3', ''])
def test_any_other_rate_is_an_error_that_says_what_one_is(text):
    with pytest.raises(Exception, match='30000/1001'):
        frames_per_second(text)


def test_the_commands_take_a_rate_as_a_fraction():
    from imgstore.apps import save, view

    assert save.parser().parse_args(['--source', 'x', '--fps', '30000/1001', 'y']).fps == 30000 / 1001
    assert view.parser().parse_args(['--fps', '24000/1001', 'y']).fps == 24000 / 1001
    assert view.parser().parse_args(['--fps', '0', 'y']).fps == 0


# --- tables


def with_records(path, records):
    store_of(path, [0.0, 1.0, 2.0]).close()
    (path / '000000' / 'index.extra.json').write_text(json.dumps(records))
    return imgstore.new_for_filename(path)


def rows_of(path):
    with open(path, newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


def test_records_without_frame_keys_get_empty_cells(tmp_path):
    """Records without frame keys are exported with empty cells."""
    with with_records(tmp_path / 's', [{'a': 1}, {'a': 2}]) as store:
        export_csv(select(store), tmp_path / 'joined.csv')
        export_csv(select(store), tmp_path / 'extra.csv', 'extra')
        assert build_table(select(store, to_index=2), 'extra').empty
    rows = rows_of(tmp_path / 'joined.csv')
    assert [(row['frame_index'], row['frame_number'], row['a']) for row in rows] == [
        ('0', '0', ''),
        ('1', '1', ''),
        ('2', '2', ''),
        ('', '', '1.0'),
        ('', '', '2.0'),
    ]
    assert [row['a'] for row in rows_of(tmp_path / 'extra.csv')] == ['1', '2']


def test_each_record_is_joined_by_the_key_that_it_has(tmp_path):
    records = [
        {'frame_index': 1, 'frame_number': 1, 'a': 'index'},
        {'frame_number': 2, 'a': 'number'},
        {'a': 'none'},
        {'frame_number': 'x', 'a': 'text'},
        {'frame_index': 1, 'a': 'again'},
    ]
    with with_records(tmp_path / 's', records) as store:
        export_csv(select(store), tmp_path / 'x.csv')
        export_csv(select(store, from_index=1), tmp_path / 'y.csv')
    assert [(row['frame_index'], row['a']) for row in rows_of(tmp_path / 'x.csv')] == [
        ('0', ''),
        ('1', 'index'),
        ('1', 'again'),
        ('2', 'number'),
        ('', 'none'),
        ('', 'text'),
    ]
    assert [(row['frame_index'], row['a']) for row in rows_of(tmp_path / 'y.csv')] == [
        ('1', 'index'),
        ('1', 'again'),
        ('2', 'number'),
    ]


@pytest.mark.parametrize('option', ['--subtitles', '--sound'])
def test_missing_record_times_are_reported(tmp_path, capsys, option):
    """An export that needs the times of records says that the records have no times."""
    with_records(tmp_path / 's', [{'a': 1}]).close()
    assert main([option, 'a', str(tmp_path / 's'), str(tmp_path / 'x.mkv')]) == 1
    assert 'imgstore-export: ' in capsys.readouterr().err


def test_formulas_are_escaped_on_request(tmp_path):
    """The export escapes text that a spreadsheet would compute, if the user asks for it."""
    values = ['=1+1', '+SUM(A1)', '-2+3', '@cmd', '\tx', '\rx', 'x=1', '-5', '+1.5e3', '']
    with with_records(tmp_path / 's', [{'frame_index': 0, '=a': value, 'b': -1} for value in values]) as store:
        export_csv(select(store), tmp_path / 'plain.csv', 'extra')
    options = ['--escape-formulas', '--table', 'extra', str(tmp_path / 's'), str(tmp_path / 'safe.csv')]
    assert main(options) == 0
    assert [row['=a'] for row in rows_of(tmp_path / 'plain.csv')] == values
    safe = rows_of(tmp_path / 'safe.csv')
    assert [row["'=a"] for row in safe] == [
        "'=1+1",
        "'+SUM(A1)",
        "'-2+3",
        "'@cmd",
        "'\tx",
        "'\rx",
        'x=1',
        '-5',
        '+1.5e3',
        '',
    ]
    assert [row['b'] for row in safe] == ['-1'] * len(values)


@pytest.mark.parametrize(
    ('value', 'safe'),
    [
        ('\uff1d1+1', "'\uff1d1+1"),
        ('\uff0b1+1', "'\uff0b1+1"),
        ('\uff0d1+1', "'\uff0d1+1"),
        ('\uff20x', "'\uff20x"),
        ('\ufe661', "'\ufe661"),
        (' =1+1', "' =1+1"),
        ('\u3000\uff1d1', "'\u3000\uff1d1"),
        ('\xa0=1', "'\xa0=1"),
        ('\ufeff=1', "'\ufeff=1"),
        ('\x00=1', "'\x00=1"),
        ('x;=1+1', "x;'=1+1"),
        ('x; \uff1d1', "x;' \uff1d1"),
        ('x\t=1', "x\t'=1"),
        ('x\r=1', "x\r'=1"),
        ('x\n@a', "x\n'@a"),
        ('\t=1', "'\t'=1"),
        ('\n=1', "'\n'=1"),
        (';=1', ";'=1"),
        ('a;-5', 'a;-5'),
        (' -5', ' -5'),
        ('x = 1; y = 2', 'x = 1; y = 2'),
        ('\xbd + 1', '\xbd + 1'),
        ('', ''),
        (None, None),
        (-1, -1),
    ],
)
def test_disguised_formulas_are_escaped(value, safe):
    """The export escapes text that a spreadsheet takes for a formula in disguise."""
    assert _harmless(value) == safe


# --- files that are something else, and names


@pytest.mark.parametrize(
    'content',
    [
        b'ffconcat version 1.0\nfile secret.mp4\n',
        b'#EXTM3U\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n',
        b'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n',
    ],
)
def test_a_list_of_other_files_is_not_exported(tmp_path, content):
    store_of(tmp_path / 's', [0.0, 0.04, 0.08], 'avc1/mp4').close()
    os.replace(tmp_path / 's' / '000000.mp4', tmp_path / 's' / 'secret.mp4')
    (tmp_path / 's' / '000000.mp4').write_bytes(content)
    with imgstore.new_for_filename(tmp_path / 's') as store:
        for codec in ('auto', 'copy', 'h264'):
            with pytest.raises(ImgStoreError):
                export_video(select(store), tmp_path / 'x.mkv', codec=codec)
    (tmp_path / 'list.wav').write_bytes(content)
    with pytest.raises(InvalidArgumentError, match='cannot be read as sound'):
        FileSound(tmp_path / 'list.wav')
    assert not (tmp_path / 'x.mkv').exists()


def test_a_sound_that_is_no_file_is_an_error(tmp_path):
    os.mkfifo(tmp_path / 'sound.wav')
    with pytest.raises(InvalidArgumentError, match='not a regular file'):
        FileSound(tmp_path / 'sound.wav')


@pytest.mark.parametrize('codec', ['copy', 'h264'])
@pytest.mark.parametrize('fmt', ['avc1/mp4', 'h264/mkv'])
def test_a_video_whose_title_is_not_utf_8_is_exported(tmp_path, fmt, codec):
    times = [i / 25 for i in range(30)]  # of fewer frames FFmpeg cannot tell that none is reordered
    store_of(tmp_path / 's', times, fmt).close()
    (chunk,) = (tmp_path / 's').glob('000000.m??')
    copy = chunk.with_name(f'copy{chunk.suffix}')
    options = {'write_crc32': '0'} if fmt == 'h264/mkv' else {}
    with av.open(str(chunk)) as old, av.open(str(copy), 'w', options=options) as new:
        new.metadata['title'] = 'Jos__'
        stream = new.add_stream_from_template(old.streams.video[0])
        stream.metadata['title'] = 'Jos__'
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream, packet.dts = stream, packet.pts
                new.mux(packet)
    chunk.write_bytes(copy.read_bytes().replace(b'Jos__', b'Jos\xe9!'))
    with imgstore.new_for_filename(tmp_path / 's') as store:
        export_video(select(store), tmp_path / 'x.mkv', codec=codec)
    assert np.allclose(probed(tmp_path / 'x.mkv'), times, atol=1e-3)


@pytest.mark.slow
@pytest.mark.process
def test_a_store_whose_name_is_not_utf_8_is_exported(tmp_path):
    folder = tmp_path / os.fsdecode(b'caf\xe9')
    folder.mkdir()
    store = folder / os.fsdecode(b's\xff')
    store_of(store, [0.0, 0.04, 0.08], 'avc1/mp4').close()
    extensions = ('.mp4', '.mkv', '.csv', '.npz', '.tif', '.txt', '.zarr', '.parquet', '')
    targets = [folder / os.fsdecode(b'x\xe9' + extension.encode()) for extension in extensions]
    code = 'import sys; from imgstore.apps.export import main; print([main([sys.argv[1], to]) for to in sys.argv[2:]])'
    done = subprocess.run(
        [sys.executable, '-c', code, str(store), *map(str, targets)],
        env={**python_env(), 'PYTHONIOENCODING': ''},
        capture_output=True,
        timeout=60,
    )
    assert done.stdout.endswith(b'[0, 0, 0, 0, 0, 0, 0, 0, 0]\n'), done.stderr
    assert all(target.exists() for target in targets)
