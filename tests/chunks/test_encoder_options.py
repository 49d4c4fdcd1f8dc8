"""How well, and how hard, images are encoded: what the user says is done, or refused before anything is on the disk."""

import dataclasses
import itertools
import os
import shutil
import struct
from typing import Any

import cv2
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from imgstore import WriteOptions, new_for_filename, new_for_format
from imgstore.apps import convert as convert_app
from imgstore.apps import export as export_app
from imgstore.apps import save as save_app
from imgstore.chunks.video.backends import ENVIRONMENT_VARIABLE, backend_works
from imgstore.convert import convert
from imgstore.encoder_options import OPTION_NAMES, OPTIONS, IntegerOption
from imgstore.errors import InvalidArgumentError
from imgstore.export import export_images, export_video, select
from imgstore.formats import format_names, resolve_format, validate_options

from ..helpers.format_table import VIDEO_FORMATS
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises

SHAPES = [(96, 128), (96, 128, 3)]
COUNT = 3
WORST_TO_BEST = {
    'quality': [1, 30, 60, 90, 100],
    'crf': [51, 40, 30, 20, 10, 0],
}
FORMATS = format_names()
OF = {fmt: {option.name: option for option in resolve_format(fmt).options} for fmt in FORMATS}
HAVING = {name: [fmt for fmt in FORMATS if name in OF[fmt]] for name in OPTION_NAMES}
OF_NUMBERS = {name: [fmt for fmt in HAVING[name] if isinstance(OF[fmt][name], IntegerOption)] for name in OPTION_NAMES}
LOSSY = [(fmt, name) for name in ('quality', 'crf') for fmt in HAVING[name] if '+' not in fmt]
LACKING = [(fmt, name) for fmt, name in itertools.product(FORMATS, OPTION_NAMES) if fmt not in HAVING[name]]
BAD = {'quality': [0, 101, -1], 'crf': [-1, 64], 'compression': [-1, 10], 'bits': [8, 11, 17]}
_FLOATS = np.zeros((64, 64), np.float32)
FLOATS_ARE_COMPRESSED = len(cv2.imencode('.tif', _FLOATS, [cv2.IMWRITE_TIFF_COMPRESSION, 5])[1]) < _FLOATS.nbytes
NEVER = [True, np.True_, 1.5, float('nan'), float('inf'), '5', b'5', [5], np.array([5]), 2**70, 1j]


def record(path, fmt, shape=SHAPES[1], dtype='uint8', **options):
    """A store of a few frames."""
    with new_for_format(fmt, path, imgshape=shape, imgdtype=dtype, **options) as store:
        for index in range(COUNT):
            store.add_image(picture(index, shape, dtype), index, index)
    return path


def picture(index, shape=SHAPES[1], dtype='uint8'):
    image = numbered(index, shape)
    return image if dtype == 'uint8' else image.astype(dtype) * 257


def images(path, **options):
    with new_for_filename(path, **options) as store:
        return store.get_images(frame_indices=range(COUNT))[0]


def media(path, fmt):
    """The files that hold the images, one after the other."""
    extension = resolve_format(fmt).extension
    return b''.join(file.read_bytes() for file in sorted(path.rglob('*' + extension)))


@pytest.mark.parametrize('shape', SHAPES, ids=str)
@pytest.mark.parametrize(('fmt', 'name'), LOSSY)
def test_the_better_the_larger_and_the_nearer_to_what_was_added(tmp_path, fmt, name, shape):
    added = np.stack([picture(index, shape) for index in range(COUNT)])
    sizes, nearness = [], []
    for value in WORST_TO_BEST[name]:
        path = record(tmp_path / str(value), fmt, shape, **{name: value})
        sizes.append(len(media(path, fmt)))
        nearness.append(cv2.PSNR(images(path), added))
    assert sizes == sorted(set(sizes))
    assert nearness == sorted(set(nearness))
    assert sizes[-1] > 3 * sizes[0]
    assert nearness[-1] > nearness[0] + 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ('fmt', 'shape', 'dtype'),
    [
        *[('png', shape, dtype) for shape in SHAPES for dtype in ('uint8', 'uint16')],
        *[('bpk', shape, dtype) for shape in (*SHAPES, (7,)) for dtype in ('uint8', 'float64')],
    ],
)
def test_every_compression_level_is_lossless(tmp_path, fmt, shape, dtype):
    """Images come back bit for bit at every compression level, including no compression."""
    rng = np.random.default_rng(0)
    added = [rng.integers(0, 4, shape).astype(dtype) for _ in range(COUNT)]
    sizes = []
    for level in range(10):
        with new_for_format(fmt, tmp_path / str(level), imgshape=shape, imgdtype=dtype, compression=level) as store:
            for index, image in enumerate(added):
                store.add_image(image, index, index)
        found = images(tmp_path / str(level))
        assert (found.dtype, found.tobytes()) == (dtype, np.stack(added).tobytes())
        sizes.append(len(media(tmp_path / str(level), fmt)))
    assert shape == (7,) or max(sizes[1:]) < sizes[0]


@pytest.mark.parametrize('fmt', OF_NUMBERS['quality'] + OF_NUMBERS['compression'])
def test_a_format_that_converts_takes_the_options_too(tmp_path, fmt):
    name = 'quality' if fmt in HAVING['quality'] else 'compression'
    encoding = 'cv_bayerrg' if '+' in fmt else None
    one, other = (record(tmp_path / str(value), fmt, SHAPES[0], encoding=encoding, **{name: value}) for value in (1, 9))
    assert media(one, fmt.partition('+')[0]) != media(other, fmt.partition('+')[0])


# --- nothing said


@pytest.mark.parametrize(('fmt', 'shape'), [*itertools.product(('jpg', 'png'), SHAPES)])
def test_images_use_opencv_defaults(tmp_path, fmt, shape):
    """Images are encoded with the defaults of OpenCV if no option is given."""
    expected = b''.join(cv2.imencode('.' + fmt, picture(index, shape))[1].tobytes() for index in range(COUNT))
    assert media(record(tmp_path / 's', fmt, shape), fmt) == expected
    assert media(record(tmp_path / 'n', fmt, shape, quality=None, crf=None, compression=None), fmt) == expected


def test_an_mp4_is_encoded_at_crf_24_if_nothing_is_said(tmp_path):
    paths = [record(tmp_path / str(len(said)), 'avc1/mp4', **said) for said in ({}, {'crf': 24})]
    assert media(paths[0], 'avc1/mp4') == media(paths[1], 'avc1/mp4')


def test_motion_jpeg_default_is_ffmpeg_quantiser_3(tmp_path):
    """Motion JPEG uses the quantiser 3 of FFmpeg if no option is given."""
    data = media(record(tmp_path / 's', 'mjpeg/avi', backend='pyav'), 'mjpeg/avi')
    table = data[data.index(b'\xff\xdb') + 5 :][:64]  # of ITU-T T.81, B.2.4.1, in zigzag order
    begin = [8, 16, 16, 19, 16, 19, 22, 22, 22, 22]  # of MPEG-1's, ISO/IEC 11172-2, 2.4.3.2
    assert list(table[1:10]) == [step * 3 // 8 for step in begin[1:]]


# --- what is refused


@pytest.mark.parametrize(('fmt', 'name'), LACKING)
def test_option_a_format_lacks_is_refused(tmp_path, fmt, name):
    """An option that a format does not have is refused, and nothing is left."""
    given: dict[str, Any] = {name: 5}
    with raises(InvalidArgumentError, argument=name):
        new_for_format(fmt, tmp_path / 's', imgshape=SHAPES[0], **given)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize('name', BAD)
def test_a_value_that_is_none_is_refused_and_leaves_nothing(tmp_path, name):
    for fmt, value in itertools.product(HAVING[name], [*BAD[name], *NEVER]):
        given: dict[str, Any] = {name: value}
        with raises(InvalidArgumentError, argument=name):
            new_for_format(fmt, tmp_path / 's', imgshape=SHAPES[0], **given)
    assert os.listdir(tmp_path) == []


@given(
    st.sampled_from([(fmt, OF[fmt][name]) for name in OPTION_NAMES for fmt in OF_NUMBERS[name]]),
    st.integers(-300, 300) | st.integers(),
    st.sampled_from([int, np.int16, np.int64, float, np.float64]),
)
def test_options_take_only_integers_in_range(having, number, kind):
    """An encoder option accepts only integers within its range, whatever their type."""
    fmt, option = resolve_format(having[0]), having[1]
    if number in (option.allowed or range(option.min, option.max + 1)):
        taken = validate_options(fmt, {option.name: kind(number)})
        assert taken == {option.name: number}
        assert type(taken[option.name]) is int
    else:
        with raises(InvalidArgumentError, argument=option.name):
            validate_options(fmt, {option.name: number})


@pytest.mark.parametrize(('shape', 'dtype'), [(SHAPES[0], 'uint8'), (SHAPES[1], 'uint16'), (SHAPES[1], 'float32')])
def test_tiff_is_compressed_as_was_said(tmp_path, shape, dtype):
    """Images come back bit for bit, and the file names the method."""
    codes = {None: 1 if dtype == 'float32' else 5, 'none': 1, 'lzw': 5, 'deflate': 8}
    for name, code in codes.items():
        if dtype == 'float32' and code > 1 and not FLOATS_ARE_COMPRESSED:
            with raises(InvalidArgumentError, argument='compression'):
                record(tmp_path / str(name), 'tif', shape, dtype, compression=name)
            continue
        path = record(tmp_path / str(name), 'tif', shape, dtype, compression=name)
        data = media(path, 'tif')
        assert struct.pack('<HHI', 259, 3, 1) + struct.pack('<H', code) in data
        assert all(np.array_equal(image, picture(index, shape, dtype)) for index, image in enumerate(images(path)))


def test_tiff_takes_names_and_png_numbers(tmp_path):
    for fmt, value in (('tif', 5), ('tif', 'LZW'), ('png', 'lzw'), ('tif', True)):
        with raises(InvalidArgumentError, argument='compression'):
            new_for_format(fmt, tmp_path / 's', imgshape=SHAPES[0], compression=value)
    record(tmp_path / 's', 'npy')
    assert (
        convert_app.main(['--format', 'tif', '--compression', 'deflate', str(tmp_path / 's'), str(tmp_path / 't')]) == 0
    )
    assert new_for_filename(tmp_path / 't')._metadata['encoder'] == {'compression': 'deflate'}


def test_an_unknown_option_is_named(tmp_path):
    with pytest.raises(TypeError, match='qualty'):
        new_for_format('jpg', tmp_path / 's', imgshape=SHAPES[0], qualty=50)
    assert os.listdir(tmp_path) == []


def test_refused_option_leaves_existing_store_untouched(tmp_path):
    """An existing store stays untouched if an option is refused."""
    before = media(record(tmp_path / 's', 'png'), 'png')
    with pytest.raises(InvalidArgumentError):
        new_for_format('jpg', tmp_path / 's', imgshape=SHAPES[0], quality=0, overwrite=True)
    assert media(tmp_path / 's', 'png') == before


def test_every_option_of_a_format_is_an_argument():
    arguments = {field.name for field in dataclasses.fields(WriteOptions)}
    for option in {option for fmt in FORMATS for option in resolve_format(fmt).options}:
        assert option in OPTIONS
        assert option.name in arguments


# --- backends


@pytest.mark.parametrize(('fmt', 'option'), [('mjpeg/avi', {'quality': 50}), ('avc1/mp4', {'crf': 30})])
def test_opencv_takes_no_option_of_a_video_and_says_so(tmp_path, monkeypatch, fmt, option):
    with raises(InvalidArgumentError, argument='backend'):
        new_for_format(fmt, tmp_path / 's', imgshape=SHAPES[0], backend='opencv', **option)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, 'opencv')
    with raises(InvalidArgumentError, argument='backend'):
        new_for_format(fmt, tmp_path / 's', imgshape=SHAPES[0], **option)
    assert os.listdir(tmp_path) == []
    record(tmp_path / 's', fmt, backend='auto', **option)


def test_auto_takes_no_backend_that_cannot_do_what_was_said(tmp_path, monkeypatch):
    monkeypatch.setattr('imgstore.chunks.video.backends.backend_works', lambda backend, *args: backend == 'opencv')
    with raises(InvalidArgumentError, argument='backend'):
        new_for_format('mjpeg/avi', tmp_path / 's', imgshape=SHAPES[0], quality=50)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize('fmt', [fmt for fmt in VIDEO_FORMATS if not resolve_format(fmt).lossless])
@pytest.mark.parametrize('shape', SHAPES, ids=str)
def test_every_backend_reads_the_best_and_the_worst(tmp_path, fmt, shape):
    row = resolve_format(fmt)
    option: Any = row.options[0]
    for value in (option.min, option.max):
        path = record(tmp_path / str(value), fmt, shape, **{option.name: value})
        for backend in (name for name in ('pyav', 'opencv') if backend_works(name, row.codec, row.extension, 'read')):
            assert [index_in(image) for image in images(path, backend=backend)] == list(range(COUNT))


@pytest.mark.parametrize(
    ('fmt', 'option'),
    [('mjpeg/avi', {'quality': 100}), *[(fmt, {'crf': crf}) for fmt in ('h264/mkv', 'avc1/mp4') for crf in (0, 51)]],
)
def test_encoder_options_do_not_delay_frame_on_disk(tmp_path, fmt, option):
    """A frame is on the disk at once, however well it is encoded."""
    with new_for_format(fmt, tmp_path / 's', imgshape=SHAPES[0], workers=0, **option) as store:
        for index in range(COUNT):
            store.add_image(picture(index, SHAPES[0]), index, index)
        shutil.copytree(tmp_path / 's', tmp_path / 'killed')
    assert [index_in(image) for image in images(tmp_path / 'killed')] == list(range(COUNT))


# --- what is kept


def test_options_are_kept_in_the_store(tmp_path):
    plain, worse = (record(tmp_path / str(len(said)), 'jpg', **said) for said in ({}, {'quality': 50}))
    assert 'encoder' not in new_for_filename(plain)._metadata
    assert new_for_filename(worse)._metadata['encoder'] == {'quality': 50}


# --- converting, saving, exporting


def test_a_converted_store_is_encoded_as_was_said(tmp_path):
    record(tmp_path / 's', 'npy')
    worst = [
        convert(tmp_path / 's', tmp_path / str(quality), 'jpg', quality=quality).worst_psnr for quality in (10, 100)
    ]
    assert worst[0] < worst[1] - 3
    with raises(InvalidArgumentError, argument='quality'):
        convert(tmp_path / 's', tmp_path / 'd', 'png', quality=10)
    assert sorted(os.listdir(tmp_path)) == ['10', '100', 's']


def test_the_command_lines_save_and_convert_take_the_options(tmp_path, capsys):
    os.mkdir(tmp_path / 'images')
    for index in range(COUNT):
        cv2.imwrite(str(tmp_path / 'images' / f'{index}.png'), picture(index))
    sizes = {}
    for value in ('1', '90'):
        saved, converted = tmp_path / f's{value}', tmp_path / f'c{value}'
        assert save_app.main(['--source', str(tmp_path / 'images'), '--quality', value, str(saved)]) == 0
        options = ['--format', 'avc1/mp4', '--crf', str(int(value) // 2)]
        assert convert_app.main([*options, str(saved), str(converted)]) == 0
        sizes[value] = len(media(saved, 'mjpeg/avi')), len(media(converted, 'avc1/mp4'))
    assert sizes['1'][0] < sizes['90'][0]
    capsys.readouterr()
    assert save_app.main(['--source', '99', '--format', 'png', '--crf', '3', str(tmp_path / 'no')]) == 1
    assert convert_app.main(['--format', 'png', '--compression', '10', str(tmp_path / 's1'), str(tmp_path / 'no')]) == 1
    assert capsys.readouterr().err.splitlines() == [
        'imgstore-save: crf is 3, but format png has no crf; it has compression (0 to 9)',
        'imgstore-convert: compression is 10; for format png it must be an integer from 0 to 9',
    ]
    assert not (tmp_path / 'no').exists()


def test_exported_images_are_encoded_as_was_said(tmp_path, capsys):
    record(tmp_path / 's', 'npy')
    with new_for_filename(tmp_path / 's') as store:
        frames = select(store)
        export_images(frames, tmp_path / 'jpg', 'jpg', quality=30)
        with raises(InvalidArgumentError, argument='quality'):
            export_images(frames, tmp_path / 'no', 'bmp', quality=30)
        with raises(InvalidArgumentError, argument='crf'):
            export_video(frames, tmp_path / 'no.mp4', crf=True)
    expected = cv2.imencode('.jpg', picture(1), [cv2.IMWRITE_JPEG_QUALITY, 30])[1].tobytes()
    assert (tmp_path / 'jpg' / '00000001.jpg').read_bytes() == expected
    assert export_app.main(['--compression', '0', str(tmp_path / 's'), str(tmp_path / 'png')]) == 0
    expected = cv2.imencode('.png', picture(1), [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()
    assert (tmp_path / 'png' / '00000001.png').read_bytes() == expected
    with pytest.raises(SystemExit):
        export_app.main(['--compression', '0', str(tmp_path / 's'), str(tmp_path / 'no.csv')])
    assert '--compression is for images, not for csv' in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ['jpg', 'png', 's']
