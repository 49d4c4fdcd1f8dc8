"""Options of video encoders: each is used, kept and shown, or refused before anything is on the disk."""

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
import pytest

from imgstore import new_for_filename, new_for_format
from imgstore.apps import convert as convert_app
from imgstore.apps import info as info_app
from imgstore.apps import save as save_app
from imgstore.chunks.video import hardware
from imgstore.convert import convert
from imgstore.encoder_options import HARDWARE, OPTION_NAMES, X265_TUNE
from imgstore.errors import InvalidArgumentError, InvalidOptionError
from imgstore.formats import resolve_format
from imgstore.overview import overview

from ...helpers.display import python_env
from ...helpers.format_table import ROWS, VIDEO_FORMATS
from ...helpers.frames import index_in, numbered
from ...helpers.raised import raises

GRAY, COLOR = (96, 128), (96, 128, 3)
COUNT = 40
CODECS = {'avc1/mp4': 'libx264', 'h264/mkv': 'libx264', 'hevc/mp4': 'libx265'}
X264 = [fmt for fmt in VIDEO_FORMATS if ROWS[fmt].codec in ('h264', 'h264-lossless')]
VALUES: dict[str, Any] = {
    'quality': 40,
    'bits': 12,
    'crf': 33,
    'bitrate': '300k',
    'gop': 5,
    'preset': 'slow',
    'tune': 'grain',
    'pixel_format': 'yuv444p',
    'threads': 2,
}
KEPT = {'bitrate': 300_000}
CODEC_OPTIONS = {
    'h264': {'aq-mode': 2, 'x264-params': 'psy-rd=0.5,0.1'},
    'h264-lossless': {'x264-params': 'cabac=1'},
    'hevc': {'x265-params': 'cbqpoffs=6:crqpoffs=6'},
}
LATE: dict[str, list[dict[str, Any]]] = {
    'h264': [{'bf': '3'}, {'x264-params': 'bframes=2'}, {'x264-params': 'rc-lookahead=9'}, {'rc-lookahead': 9}],
    'hevc': [
        {'bf': 3},
        {'x265-params': 'bframes=2'},
        {'x265-params': 'frame-threads=3'},
        {'x265-params': 'rc-lookahead=9'},
    ],
}


def names_of(fmt):
    return [option.name for option in ROWS[fmt].options]


def value_of(fmt, name):
    if name == 'codec_options':
        return CODEC_OPTIONS[ROWS[fmt].codec]
    if name == 'encoder':
        return CODECS[fmt]
    return VALUES[name]


HAVING = [(fmt, name) for fmt in VIDEO_FORMATS for name in names_of(fmt)]


def shape_of(fmt):
    return COLOR if ROWS[fmt].holds('uint8', True) else GRAY


def record(path, fmt, shape=None, count=COUNT, **options):
    shape = shape or shape_of(fmt)
    is_deep = 'bits' in options
    shape, dtype = (GRAY, 'uint16') if is_deep else (shape, 'uint8')
    with new_for_format(fmt, path, imgshape=shape, imgdtype=dtype, **options) as store:
        for index in range(count):
            store.add_image(numbered(index, shape).astype(dtype), index, index / 25)
    return path


def video(path):
    """The only video of a store."""
    (found,) = (
        path / name for name in os.listdir(path) if name.startswith('000000.') and name.endswith(('avi', 'mkv', 'mp4'))
    )
    return found


def keyframes(path):
    with av.open(str(video(path))) as container:
        packets = (packet for packet in container.demux(video=0) if packet.size)
        return [index for index, packet in enumerate(packets) if packet.is_keyframe]


def first_frame(path):
    with av.open(str(video(path))) as container:
        return next(container.decode(video=0))


def settings_of_x264(path):
    """What x264 writes of its settings into the first packet."""
    data = video(path).read_bytes()
    begin = data.index(b'x264 - core')
    text = data[begin : data.index(b'\0', begin)].decode().partition('options: ')[2]
    return dict(setting.partition('=')[::2] for setting in text.split())


def check_images(path, shape):
    with new_for_filename(path) as store:
        for index in (0, COUNT - 1, 17, 16, 3):
            image = store.get_image(frame_index=index)[0]
            assert image.shape == shape
            assert index_in(image) == index


# --- every option of every format


@pytest.mark.parametrize(('fmt', 'name'), HAVING)
def test_an_option_is_used_kept_and_shown(tmp_path, capsys, fmt, name):
    value = value_of(fmt, name)
    record(tmp_path / 's', fmt, **{name: value})
    check_images(tmp_path / 's', GRAY if name == 'bits' else shape_of(fmt))
    kept = {text: str(each) for text, each in value.items()} if name == 'codec_options' else KEPT.get(name, value)
    assert new_for_filename(tmp_path / 's')._metadata['encoder'] == {name: kept}
    assert overview(tmp_path / 's').encoder == {name: kept}
    assert info_app.main([str(tmp_path / 's')]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.split()[:1] == ['encoder'])
    for shown in kept.values() if isinstance(kept, dict) else [kept]:
        assert str(shown) in line
    if name not in ('bits', 'encoder', 'threads', 'tune') or (fmt in X264 and name == 'tune'):
        record(tmp_path / 'usual', fmt)
        assert video(tmp_path / 's').read_bytes() != video(tmp_path / 'usual').read_bytes()


@pytest.mark.parametrize(
    ('fmt', 'name'), [pair for pair in itertools.product(VIDEO_FORMATS, OPTION_NAMES) if pair not in HAVING]
)
def test_an_option_that_a_format_lacks_is_refused(tmp_path, fmt, name):
    given = {**VALUES, 'codec_options': {'a': 1}, 'encoder': 'auto', 'compression': 3}[name]
    with raises(InvalidArgumentError, argument=name):
        new_for_format(fmt, tmp_path / 's', imgshape=GRAY, **{name: given})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(('fmt', 'gop'), [*itertools.product([f for f, n in HAVING if n == 'gop'], [1, 2, 5, 30])])
def test_gop_is_the_distance_of_keyframes(tmp_path, fmt, gop):
    record(tmp_path / 's', fmt, gop=gop)
    found = keyframes(tmp_path / 's')
    assert {*range(0, COUNT, gop)} <= {*found} or fmt in X264
    assert max(np.diff([*found, COUNT])) <= gop


@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
@pytest.mark.parametrize('fps', [7, 29.97, 30000 / 1001, Fraction(60000, 1001), 200, 0.5])
def test_fps_is_the_rate_of_the_video(tmp_path, fmt, fps):
    record(tmp_path / 's', fmt, fps=fps)
    expected: Any = {29.97: Fraction(30000, 1001)}.get(fps, Fraction(fps).limit_denominator(1001))
    with av.open(str(video(tmp_path / 's'))) as container:
        rate: Any = container.streams.video[0].average_rate
    assert abs(rate / expected - 1) < 1e-4
    check_images(tmp_path / 's', shape_of(fmt))
    assert overview(tmp_path / 's').fps == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize('fmt', X264)
@pytest.mark.parametrize('threads', [1, 3])
def test_threads_are_those_of_the_encoder(tmp_path, fmt, threads):
    record(tmp_path / 's', fmt, (480, 640), count=1, threads=threads)
    assert settings_of_x264(tmp_path / 's')['threads'] == str(threads)


X264_PRESETS = {'ultrafast': ('dia', '0'), 'veryfast': ('hex', '2'), 'medium': ('hex', '7'), 'placebo': ('tesa', '9')}


@pytest.mark.parametrize('fmt', ['ffv1/mkv', 'mjpeg/avi'])
def test_independent_frames_have_workers_for_threads(tmp_path, fmt):
    with pytest.raises(InvalidArgumentError, match='workers='):
        new_for_format(fmt, tmp_path / 's', imgshape=GRAY, threads=2)


@pytest.mark.parametrize(('fmt', 'preset'), [*itertools.product(X264, X264_PRESETS)])
def test_presets_are_those_of_x264(tmp_path, fmt, preset):
    record(tmp_path / 's', fmt, preset=preset)
    settings = settings_of_x264(tmp_path / 's')
    assert settings['me'] in (X264_PRESETS[preset][0], 'esa')
    assert settings['subme'] == X264_PRESETS[preset][1]
    gop = '1' if ROWS[fmt].lossless else '16'
    assert (settings['keyint'], settings.get('bframes', '0'), settings.get('rc_lookahead', '0')) == (gop, '0', '0')


X264_TUNES = {'film': '1:-1:-1', 'grain': '1:-2:-2', 'animation': '1:1:1', 'fastdecode': '0', 'zerolatency': '1:0:0'}


@pytest.mark.parametrize(('fmt', 'tune'), [*itertools.product(['avc1/mp4', 'h264/mkv'], X264_TUNES)])
def test_tunes_are_those_of_x264(tmp_path, fmt, tune):
    record(tmp_path / 's', fmt, tune=tune)
    assert settings_of_x264(tmp_path / 's')['deblock'].startswith(X264_TUNES[tune])
    check_images(tmp_path / 's', COLOR)


@pytest.mark.slow
@pytest.mark.parametrize('preset', ['ultrafast', 'superfast', 'faster', 'fast', 'slower', 'veryslow'])
def test_every_preset_returns_each_frame_at_once(tmp_path, preset):
    record(tmp_path / 's', 'hevc/mp4', preset=preset)
    check_images(tmp_path / 's', COLOR)


@pytest.mark.parametrize('tune', X265_TUNE.names)
def test_every_tune_of_x265_returns_each_frame_at_once(tmp_path, tune):
    record(tmp_path / 's', 'hevc/mp4', tune=tune)
    check_images(tmp_path / 's', COLOR)


@pytest.mark.parametrize('fmt', [fmt for fmt, name in HAVING if name == 'bitrate'])
def test_bitrate_is_the_size_of_a_second(tmp_path, fmt):
    """Half of the frames a second take twice the bits each."""
    rng = np.random.default_rng(0)
    images = [cv2.GaussianBlur(rng.integers(0, 256, GRAY).astype(np.uint8), (0, 0), 2) for _ in range(100)]
    sizes = {}
    for bitrate, fps in ((200_000, 25), (400_000, 25), (400_000, 50)):
        path = tmp_path / f'{bitrate}-{fps}'
        with new_for_format(fmt, path, imgshape=GRAY, bitrate=bitrate, fps=fps) as store:
            for index, image in enumerate(images):
                store.add_image(image, index, index / fps)
        sizes[bitrate, fps] = os.path.getsize(video(path))
    assert 1.3 < sizes[400_000, 25] / sizes[200_000, 25] < 2.5
    assert sizes[400_000, 50] == pytest.approx(sizes[200_000, 25], rel=0.02)


# --- pixel formats


@pytest.mark.parametrize('fmt', CODECS)
def test_colour_of_full_size_comes_back(tmp_path, fmt):
    """Small areas of colour are kept by yuv444p, and lost by yuv420p."""
    image = np.full(COLOR, 128, np.uint8)
    image[::2, ::2], image[1::2, 1::2] = (20, 60, 230), (230, 60, 20)
    errors = {}
    for name in ('yuv420p', 'yuv444p'):
        with new_for_format(fmt, tmp_path / name, imgshape=COLOR, pixel_format=name, crf=4) as store:
            store.add_image(image, 0, 0)
        assert first_frame(tmp_path / name).format.name == name
        found = new_for_filename(tmp_path / name).get_image(0)[0]
        errors[name] = np.abs(found.astype(int) - image).mean()
    assert errors['yuv444p'] < 3
    assert errors['yuv420p'] > 10


@pytest.mark.parametrize('fmt', CODECS)
@pytest.mark.parametrize('shape', [GRAY, COLOR])
def test_every_pixel_format_has_the_right_colours(tmp_path, fmt, shape):
    colors = [(0, 0, 255), (0, 255, 0), (255, 0, 0), (0, 0, 0), (255, 255, 255), (40, 90, 200)]
    image = np.repeat(np.repeat(np.array(colors, np.uint8).reshape(2, 3, 3), 32, axis=0), 32, axis=1)
    image = image if len(shape) == 3 else np.ascontiguousarray(image[..., 1])
    for name in ('yuv420p', 'yuv444p', *(['gray'] if image.ndim == 2 else [])):
        with new_for_format(fmt, tmp_path / name, imgshape=image.shape, pixel_format=name, crf=4) as store:
            store.add_image(image, 0, 0)
        for backend in ('pyav', 'opencv'):
            found = new_for_filename(tmp_path / name, backend=backend).get_image(0)[0]
            assert np.abs(found[8::32, 8::32].astype(int) - image[8::32, 8::32]).max() <= 4


@pytest.mark.parametrize('fmt', CODECS)
def test_gray_has_no_colour(tmp_path, fmt):
    with raises(InvalidArgumentError, argument='pixel_format'):
        new_for_format(fmt, tmp_path / 's', imgshape=COLOR, pixel_format='gray')
    assert os.listdir(tmp_path) == []


# --- FFmpeg's own options

CODEC_OF = {'avc1/mp4': 'h264', 'h264/mkv': 'h264', 'hevc/mp4': 'hevc'}


@pytest.mark.parametrize(('fmt', 'options'), [(fmt, each) for fmt, codec in CODEC_OF.items() for each in LATE[codec]])
def test_options_that_delay_frames_are_refused(tmp_path, fmt, options):
    with raises(InvalidArgumentError, argument='codec_options') as caught:
        new_for_format(fmt, tmp_path / 's', imgshape=COLOR, codec_options=options)
    assert 'late or in another order' in str(caught.value)
    assert os.listdir(tmp_path) == []


WRONG: dict[str, list[dict[str, Any]]] = {
    'h264': [
        {'nonsense': 1},
        {'x264-params': 'nonsense=1'},
        {'x264opts': 'nonsense=1'},
        {'color_range': 'pc'},
        {'x264-params': 'colormatrix=bt709'},
        {'video_size': '64x64'},
        {'x264-params': 'annexb=0'},
        {'x264-params': 'intra-refresh=1'},
        {'time_base': '1/50'},
        {'profile': 'no such profile'},
        {'g': 3},
        {'preset': 'slow'},
        {'crf': 3},
        {'threads': 3},
    ],
    'hevc': [
        {'x265-params': 'keyint=300'},
        {'nonsense': 1},
        {'x265-params': 'nonsense=1'},
        {'color_range': 'pc'},
        {'crf': 3},
    ],
}


@pytest.mark.parametrize(('fmt', 'options'), [(fmt, each) for fmt, codec in CODEC_OF.items() for each in WRONG[codec]])
def test_options_that_do_not_work_are_refused(tmp_path, capfd, fmt, options):
    with raises(InvalidArgumentError, argument='codec_options'):
        new_for_format(fmt, tmp_path / 's', imgshape=COLOR, codec_options=options)
    assert os.listdir(tmp_path) == []
    assert capfd.readouterr() == ('', '')


def test_a_backend_is_tried_without_output(tmp_path, capfd):
    """The error has the reason. OpenCV's wheels cannot write H.264."""
    with contextlib.suppress(InvalidArgumentError):
        new_for_format('avc1/mp4', tmp_path / 's', imgshape=COLOR, backend='opencv').close()
    assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize('options', [{'qp': 9}, {'x264-params': 'qp=3'}])
def test_a_lossless_format_stays_lossless(tmp_path, options):
    with raises(InvalidArgumentError, argument='codec_options'):
        new_for_format('h264-lossless/mp4', tmp_path / 's', imgshape=GRAY, codec_options=options)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize('value', [3, 'aq-mode=2', ['aq-mode'], {3: 4}, {'aq-mode': None}, {'': 1}, {'aq-mode': [2]}])
def test_options_of_ffmpeg_are_names_and_values(tmp_path, value):
    with raises(InvalidArgumentError, argument='codec_options'):
        new_for_format('avc1/mp4', tmp_path / 's', imgshape=COLOR, codec_options=value)
    assert os.listdir(tmp_path) == []


def test_the_option_that_does_not_work_is_named(tmp_path):
    options: Any = {'gop': 4, 'tune': 'film', 'codec_options': {'bf': 3}, 'threads': 2}
    with raises(InvalidArgumentError, argument='codec_options'):
        new_for_format('avc1/mp4', tmp_path / 's', imgshape=COLOR, **options)


BAD: dict[str, list[Any]] = {
    'bitrate': [0, 999, -1, '12', '5x', '', 1.5, True, '1e6', 10**11],
    'gop': [0, -1, 1001, '5', 2.5],
    'preset': ['', 'Slow', 5, b'slow', 'p4'],
    'tune': ['', 'vq', 1],
    'pixel_format': ['rgb24', 'yuv420p10le', 'nv12', 1],
    'threads': [0, 65, '2'],
    'encoder': ['x264', 'h264', 1, 'libx265', 'mjpeg'],
}


@pytest.mark.parametrize('name', BAD)
def test_a_wrong_value_is_refused(tmp_path, name):
    for value in BAD[name]:
        with raises(InvalidArgumentError, argument=name):
            new_for_format('avc1/mp4', tmp_path / 's', imgshape=GRAY, **{name: value})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ('text', 'number'), [('800k', 800_000), ('2.5M', 2_500_000), ('64000', 64_000), (64_000.0, 64_000)]
)
def test_a_bitrate_is_a_number_or_text(tmp_path, text, number):
    record(tmp_path / 's', 'avc1/mp4', count=1, bitrate=text)
    assert new_for_filename(tmp_path / 's')._metadata['encoder'] == {'bitrate': number}


def test_a_crf_and_a_bitrate_exclude_each_other(tmp_path):
    with raises(InvalidArgumentError, argument='bitrate'):
        new_for_format('avc1/mp4', tmp_path / 's', imgshape=GRAY, crf=20, bitrate=10**6)


# --- killed writers

TUNED: list[tuple[str, dict[str, Any]]] = [
    ('avc1/mp4', {'gop': 3, 'pixel_format': 'yuv444p', 'preset': 'slow'}),
    ('h264/mkv', {'pixel_format': 'gray', 'tune': 'film', 'threads': 2}),
    ('h264-lossless/mp4', {'gop': 30, 'preset': 'medium'}),
    ('hevc/mp4', {'gop': 3, 'pixel_format': 'yuv444p', 'threads': 2}),
    ('hevc/mp4', {'pixel_format': 'gray'}),
]


@pytest.mark.parametrize(('fmt', 'options'), TUNED)
def test_options_do_not_delay_frames_on_disk(tmp_path, fmt, options):
    from imgstore import repair

    shape = GRAY if ROWS[fmt].codec == 'h264-lossless' or options.get('pixel_format') == 'gray' else COLOR
    with new_for_format(fmt, tmp_path / 's', imgshape=shape, workers=0, **options) as store:
        for index in range(7):
            store.add_image(numbered(index, shape), index, index)
            shutil.copytree(tmp_path / 's', tmp_path / f'killed{index}')
    for index in range(7):
        for _ in range(2):
            with new_for_filename(tmp_path / f'killed{index}') as found:
                images = found.get_images(frame_indices=range(index + 1))[0]
            assert [index_in(image) for image in images] == list(range(index + 1))
            repair(tmp_path / f'killed{index}')
    assert not [name for name in os.listdir(tmp_path / 'killed5') if 'tail' in name]


# --- hardware


@pytest.fixture
def fresh():
    """Nothing tried yet."""
    hardware.why_encoder_fails.cache_clear()
    yield
    hardware.why_encoder_fails.cache_clear()


@pytest.mark.parametrize('fmt', CODECS)
@pytest.mark.usefixtures('fresh')
def test_hardware_that_fails_is_refused(tmp_path, monkeypatch, fmt):
    tried = []

    def why_not(*args, **options):
        tried.append(args)
        return 'it is not there'

    monkeypatch.setattr(hardware, 'why_not', why_not)
    for kind in HARDWARE:
        with raises(InvalidArgumentError, argument='encoder'):
            new_for_format(fmt, tmp_path / 's', imgshape=COLOR, encoder=f'{ROWS[fmt].codec}_{kind}')
    assert os.listdir(tmp_path) == []
    count = len(tried)
    for _ in range(2):
        record(tmp_path / 's', fmt, encoder='auto', overwrite=True)
        assert new_for_filename(tmp_path / 's')._metadata['encoder'] == {'encoder': CODECS[fmt]}
    assert len(tried) == count  # once per process


@pytest.mark.parametrize('fmt', CODECS)
@pytest.mark.usefixtures('fresh')
def test_auto_takes_the_first_hardware_that_works(tmp_path, monkeypatch, fmt):
    """The encoder of software stands in for the one of hardware."""
    codec, name = ROWS[fmt].codec, f'{ROWS[fmt].codec}_qsv'
    monkeypatch.setattr(hardware, 'why_encoder_fails', lambda encoder, *_: '' if encoder == name else 'no')
    monkeypatch.setattr(hardware, 'kind_of', lambda *_: None)
    monkeypatch.setattr('imgstore.chunks.video.encoders.kind_of', lambda *_: None)
    assert hardware.chosen_encoder(codec, '.mp4', {'encoder': 'auto'}) == {'encoder': name}
    record(tmp_path / 's', fmt, encoder='auto')
    assert new_for_filename(tmp_path / 's')._metadata['encoder'] == {'encoder': name}
    check_images(tmp_path / 's', COLOR)


@pytest.mark.parametrize('fmt', CODECS)
@pytest.mark.usefixtures('fresh')
def test_an_encoder_is_tried_by_reading_back(tmp_path, fmt):
    row = ROWS[fmt]
    assert hardware.why_encoder_fails(CODECS[fmt], row.codec, row.extension) == ''
    record(tmp_path / 's', fmt, encoder=CODECS[fmt], gop=4, crf=30)
    assert new_for_filename(tmp_path / 's')._metadata['encoder'] == {'encoder': CODECS[fmt], 'gop': 4, 'crf': 30}
    check_images(tmp_path / 's', COLOR)


@pytest.mark.parametrize('name', ['crf', 'preset', 'tune', 'pixel_format', 'threads'])
def test_options_of_software_are_refused_with_hardware(tmp_path, name):
    for encoder in ('auto', 'h264_nvenc'):
        with raises(InvalidArgumentError, argument=name):
            new_for_format('avc1/mp4', tmp_path / 's', imgshape=COLOR, encoder=encoder, **{name: VALUES[name]})
    assert os.listdir(tmp_path) == []


# --- command lines


def test_the_command_lines_take_the_options(tmp_path):
    os.mkdir(tmp_path / 'images')
    for index in range(5):
        cv2.imwrite(str(tmp_path / 'images' / f'{index}.png'), numbered(index, COLOR))
    given = ['--gop', '2', '--preset', 'slow', '--bitrate', '2M', '--tune', 'film', '--threads', '2']
    given += [
        '--video-pixel-format',
        'yuv444p',
        '--codec-options',
        'aq-mode=2',
        '--codec-options',
        'x264-params=me=umh',
    ]
    kept = {
        'bitrate': 2_000_000,
        'gop': 2,
        'preset': 'slow',
        'tune': 'film',
        'pixel_format': 'yuv444p',
        'threads': 2,
        'codec_options': {'aq-mode': '2', 'x264-params': 'me=umh'},
    }
    assert (
        save_app.main(['--format', 'avc1/mp4', '--source', str(tmp_path / 'images'), *given, str(tmp_path / 's')]) == 0
    )
    assert new_for_filename(tmp_path / 's')._metadata['encoder'] == kept
    options = ['--format', 'h264/mkv', *given, '--fps', '50', str(tmp_path / 's'), str(tmp_path / 'c')]
    assert convert_app.main(options) == 0
    assert new_for_filename(tmp_path / 'c')._metadata['encoder'] == kept
    assert new_for_filename(tmp_path / 'c')._metadata['fps'] == 50
    assert settings_of_x264(tmp_path / 'c')['aq'].startswith('2')


def test_convert_knows_its_options(tmp_path):
    record(tmp_path / 's', 'npy', COLOR, count=3)
    with raises(InvalidOptionError, argument='qualty'):
        convert(tmp_path / 's', tmp_path / 'c', 'jpg', qualty=3)
    assert os.listdir(tmp_path) == ['s']


def test_info_as_json_has_the_options(tmp_path, capsys):
    record(tmp_path / 's', 'avc1/mp4', count=1, gop=3, fps=50)
    assert info_app.main(['--json', str(tmp_path / 's')]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found['encoder'], found['fps']) == ({'gop': 3}, 50)


# --- HEVC


@pytest.mark.process
@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
def test_encoders_write_nothing_to_the_terminal(tmp_path, fmt):
    code = f"""
import numpy as np, imgstore
with imgstore.new_for_format({fmt!r}, {str(tmp_path / 's')!r}, imgshape={GRAY}) as store:
    for index in range(20):
        store.add_image(np.full({GRAY}, index, np.uint8), index, index)
"""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, env=python_env(), check=True)
    assert (done.stdout, done.stderr) == ('', '')


@pytest.mark.parametrize(('fmt', 'tag'), [('avc1/mp4', 'avc1'), ('hevc/mp4', 'hvc1')])
def test_videos_have_their_tag_and_colours(tmp_path, fmt, tag):
    record(tmp_path / 's', fmt)
    with av.open(str(video(tmp_path / 's'))) as container:
        context = container.streams.video[0].codec_context
        assert context.codec_tag == tag
        colors = context.colorspace, context.color_primaries, context.color_trc, context.color_range
        assert [*map(int, colors)] == [6, 1, 1, 1]


def test_images_of_few_pixels_are_refused(tmp_path):
    fmt, least = 'hevc/mp4', ROWS['hevc/mp4'].min_side
    for shape in ((2, 2), (least - 2, 64), (64, least - 1, 3)):
        with raises(InvalidArgumentError, argument='imgshape'):
            new_for_format(fmt, tmp_path / 's', imgshape=shape)
    assert os.listdir(tmp_path) == []
    for shape in ((least, least), (least, 70), (66, least + 2, 3)):
        with new_for_format(fmt, tmp_path / str(shape), imgshape=shape) as store:
            for index in range(20):
                store.add_image(np.full(shape, 10 * index, np.uint8), index, index)
        with new_for_filename(tmp_path / str(shape)) as found:
            for index in (19, 0, 17, 3):
                assert abs(int(found.get_image(index)[0].mean()) - 10 * index) <= 4


def test_a_damaged_packet_is_an_error(tmp_path):
    from imgstore.errors import FrameReadError

    record(tmp_path / 's', 'hevc/mp4')
    with av.open(str(video(tmp_path / 's'))) as container:
        packets = [(packet.pos or 0, packet.size) for packet in container.demux(video=0) if packet.size]
    with open(video(tmp_path / 's'), 'r+b') as file:
        file.seek(packets[20][0] + packets[20][1] - 3)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes((byte[0] ^ 0x55,)))
    with new_for_filename(tmp_path / 's') as store:
        for index in (0, 19, 32, 39):
            assert index_in(store.get_image(index)[0]) == index
        for index in (20, 25):
            with pytest.raises(FrameReadError):
                store.get_image(index)


def test_formats_without_their_encoder_are_not_listed(monkeypatch):
    import imgstore.formats as formats

    monkeypatch.setattr(formats, '_has_encoder', lambda name: name != 'libx265')
    assert 'hevc/mp4' not in formats.format_names()
    with pytest.raises(ImportError):
        resolve_format('hevc/mp4')
