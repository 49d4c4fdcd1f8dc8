"""imgstore-save of what people have: deep and turned images, pipes, odd names, and what they type."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import imgstore
from imgstore.apps.export import main as export_main
from imgstore.apps.save import main
from imgstore.errors import InvalidArgumentError
from imgstore.marks import Mark, marks_path, write_marks

from ..helpers.display import python_env
from ..helpers.films import make_film, read
from ..helpers.frames import index_in, numbered

Image = np.ndarray[Any, Any]
SHAPE, COUNT = (64, 96), 6
RUN = [sys.executable, '-c', 'import sys; from imgstore.apps.dispatch import main; sys.exit(main())']


def ffmpeg(*args: str | Path, data: bytes = b'') -> None:
    subprocess.run(['ffmpeg', '-v', 'error', '-y', *map(str, args)], input=data, check=True, capture_output=True)


def film(path: Path, *options: str, images: Sequence[Image] = (), pixel_format: str = 'gray') -> Path:
    """Make a film whose frames carry their number, by the ffmpeg program."""
    images = images or [numbered(number, SHAPE) for number in range(COUNT)]
    size = f'{images[0].shape[1]}x{images[0].shape[0]}'
    ffmpeg(
        '-f',
        'rawvideo',
        '-pix_fmt',
        pixel_format,
        '-s',
        size,
        '-r',
        '25',
        '-i',
        '-',
        *options,
        path,
        data=b''.join(image.tobytes() for image in images),
    )
    return path


def save(tmp_path: Path, *args: str | Path, code: int = 0, fmt: str = 'png') -> Path:
    assert main(['--format', fmt, *map(str, args), str(tmp_path / 'store')]) == code
    return tmp_path / 'store'


def indexes(store: Path) -> list[int]:
    return [index_in(image >> 8 if image.dtype == np.uint16 else image) for image in read(store)[0]]


X264 = ('-c:v', 'libx264', '-pix_fmt', 'yuv420p')


# --- more than 8 bits


@pytest.mark.process
@pytest.mark.parametrize(
    ('codec', 'pix_fmt', 'bits'),
    [('ffv1', 'gray10le', 10), ('ffv1', 'gray12le', 12), ('ffv1', 'gray16le', 16), ('png', 'gray16be', 16)],
)
def test_deep_gray_films_keep_every_bit(codec: str, pix_fmt: str, bits: int, tmp_path: Path) -> None:
    images = [np.random.default_rng(n).integers(0, 1 << bits, SHAPE).astype('<u2') for n in range(3)]
    given = pix_fmt.replace('be', 'le')
    source = film(tmp_path / 'f.mkv', '-c:v', codec, '-pix_fmt', pix_fmt, images=images, pixel_format=given)
    for got, image in zip(read(save(tmp_path, '--source', source))[0], images, strict=True):
        assert got.dtype == np.uint16
        assert np.array_equal(got >> 16 - bits, image)


@pytest.mark.process
@pytest.mark.parametrize(
    ('options', 'name'),
    [
        (('-c:v', 'libx265', '-pix_fmt', 'yuv420p10le', '-x265-params', 'log-level=none'), 'f.mp4'),
        (('-c:v', 'libx264', '-pix_fmt', 'yuv422p10le'), 'f.mkv'),
        (('-c:v', 'ffv1', '-pix_fmt', 'gbrp12le'), 'f.mkv'),
        (('-c:v', 'ffv1', '-pix_fmt', 'rgb48le'), 'f.mkv'),
        (('-c:v', 'prores_ks', '-pix_fmt', 'yuv422p10le'), 'f.mov'),
    ],
)
def test_deep_colour_films_have_16_bits_as_ffmpeg_gives_them(
    options: tuple[str, ...], name: str, tmp_path: Path
) -> None:
    source = film(tmp_path / name, *options)
    ffmpeg('-i', source, '-f', 'rawvideo', '-pix_fmt', 'bgr48le', tmp_path / 'raw')
    expected = np.fromfile(tmp_path / 'raw', '<u2').reshape(COUNT, *SHAPE, 3)
    images = np.array(read(save(tmp_path, '--source', source))[0])
    assert images.dtype == np.uint16
    assert np.abs(images.astype(int) - expected).max() <= 4 * 256  # versions of swscale differ in rounding


@pytest.mark.process
@pytest.mark.parametrize('fmt', ['jpg', 'bmp', 'mjpeg/avi', 'avc1/mp4'])
def test_8_bit_format_refusal_names_converting_option(
    fmt: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An 8-bit format refuses deeper images, and the error names the option that converts them."""
    source = film(tmp_path / 'f.mkv', '-c:v', 'ffv1', '-pix_fmt', 'gray10le')
    store = save(tmp_path, '--source', source, code=1, fmt=fmt)
    assert '--to-8-bit' in capsys.readouterr().err
    assert not store.exists()
    assert indexes(save(tmp_path, '--to-8-bit', '--source', source, fmt=fmt)) == list(range(COUNT))


def test_a_single_image_keeps_16_bits_or_becomes_8(tmp_path: Path) -> None:
    image = numbered(3, SHAPE).astype(np.uint16) * 256 + 77
    cv2.imwrite(str(tmp_path / 'one.png'), image)
    assert np.array_equal(read(save(tmp_path, '--source', tmp_path / 'one.png'))[0][0], image)
    store = save(tmp_path, '--overwrite', '--to-8-bit', '--source', tmp_path / 'one.png')
    assert np.array_equal(read(store)[0][0], numbered(3, SHAPE))


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('in_folder', [False, True])
def test_all_pages_of_a_stack_are_frames(in_folder: bool, dtype: Any, tmp_path: Path) -> None:
    pages = [numbered(number, SHAPE).astype(dtype) for number in range(COUNT)]
    (tmp_path / 'i').mkdir()
    assert cv2.imwritemulti(str(tmp_path / 'i' / 'a.tif'), pages[:4])
    assert cv2.imwritemulti(str(tmp_path / 'i' / 'b.tiff'), pages[4:])
    store = save(tmp_path, '--source', tmp_path / 'i' if in_folder else tmp_path / 'i' / 'a.tif')
    images, numbers, _ = read(store)
    expected = pages if in_folder else pages[:4]
    assert all(map(np.array_equal, images, expected))
    assert numbers == list(range(len(expected)))


def test_a_stack_that_says_it_has_more_pages_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / 'a.tif'), numbered(0, SHAPE))
    with open(tmp_path / 'a.tif', 'ab') as file:
        file.write(b'ImageJ=1.53t\nimages=900\nframes=900\n\0')
    save(tmp_path, '--source', tmp_path / 'a.tif', code=1)
    assert '900 pages' in capsys.readouterr().err


# --- upright


MATRICES: dict[str, Any] = {
    'mirrored': ((-1, 0, 0, 1), lambda i: i[:, ::-1]),
    'upside down': ((1, 0, 0, -1), lambda i: i[::-1]),
    'half': ((-1, 0, 0, -1), lambda i: i[::-1, ::-1]),
    'transposed': ((0, 1, 1, 0), lambda i: i.T),
    'right': ((0, 1, -1, 0), lambda i: np.rot90(i, -1)),
    'left': ((0, -1, 1, 0), np.rot90),
    'transversed': ((0, -1, -1, 0), lambda i: i.T[::-1, ::-1]),
}


@pytest.mark.process
@pytest.mark.parametrize('name', MATRICES)
def test_a_film_is_shown_as_its_matrix_says(name: str, tmp_path: Path) -> None:
    values, turned = MATRICES[name]
    image = np.full(SHAPE, 40, np.uint8)
    image[:20, :40] = 210
    data = bytearray(film(tmp_path / 'f.mp4', *X264, images=[image] * 2).read_bytes())
    a, b, c, d = (value << 16 for value in values)
    struct.pack_into('>9i', data, data.find(b'tkhd') + 44, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    (tmp_path / 'f.mp4').write_bytes(data)
    got = read(save(tmp_path, '--source', tmp_path / 'f.mp4'))[0][0][..., 1].astype(int)
    want: Image = turned(image)
    assert got.shape == want.shape
    assert np.abs(got - want).mean() < 5


@pytest.mark.parametrize('orientation', range(1, 9))
def test_images_of_a_folder_are_upright(orientation: int, tmp_path: Path) -> None:
    image = np.zeros((64, 96), np.uint8)
    image[:16, :32] = 255
    data = cv2.imencode('.jpg', image)[1].tobytes()
    body = b'Exif\0\0MM\0*' + struct.pack('>IHHHIHHI', 8, 1, 0x112, 3, 1, orientation, 0, 0)
    (tmp_path / 'photos').mkdir()
    jpeg = data[:2] + b'\xff\xe1' + struct.pack('>H', len(body) + 2) + body + data[2:]
    (tmp_path / 'photos' / '1.jpg').write_bytes(jpeg)
    got = read(save(tmp_path, '--source', tmp_path / 'photos'))[0][0]
    turned = image.T if orientation > 4 else image
    flip = {1: 0, 2: 1, 3: 3, 4: 2, 5: 0, 6: 1, 7: 3, 8: 2}[orientation]
    want = turned[:: -1 if flip & 2 else 1, :: -1 if flip & 1 else 1]
    assert got.shape == want.shape
    assert np.abs(got.astype(int) - want).mean() < 8


# --- which stream


@pytest.mark.process
def test_a_cover_is_no_film(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / 'c.jpg'), numbered(0, SHAPE))
    sound = ('-f', 'lavfi', '-i', 'sine=duration=0.3')
    ffmpeg(
        *sound,
        '-i',
        tmp_path / 'c.jpg',
        '-map',
        '0',
        '-map',
        '1',
        '-c:v',
        'copy',
        '-disposition:v',
        'attached_pic',
        tmp_path / 'song.mp3',
    )
    save(tmp_path, '--source', tmp_path / 'song.mp3', code=1)
    assert 'its only picture is a cover' in capsys.readouterr().err


@pytest.mark.process
@pytest.mark.parametrize('disposition', ['attached_pic', '0'])
def test_a_picture_before_the_film_is_not_taken(disposition: str, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'c.jpg'), np.full((200, 300), 9, np.uint8))
    main_film = film(tmp_path / 'w.mp4', *X264)
    ffmpeg(
        '-i',
        tmp_path / 'c.jpg',
        '-i',
        main_film,
        '-map',
        '0',
        '-map',
        '1',
        '-c',
        'copy',
        '-disposition:v:0',
        disposition,
        tmp_path / 'f.mp4',
    )
    assert indexes(save(tmp_path, '--source', tmp_path / 'f.mp4')) == list(range(COUNT))


@pytest.mark.once
@pytest.mark.process
def test_of_several_films_one_is_taken_and_named(tmp_path: Path) -> None:
    small = film(tmp_path / 's.mkv', *X264, images=[np.zeros((32, 32), np.uint8)] * COUNT)
    ffmpeg(
        '-i',
        small,
        '-i',
        film(tmp_path / 'l.mkv', *X264),
        '-map',
        '0',
        '-map',
        '1',
        '-c',
        'copy',
        '-disposition:v',
        '0',
        tmp_path / 'f.mkv',
    )
    done = subprocess.run(
        [*RUN, 'save', '--format', 'png', '--source', 'f.mkv', 'store'],
        cwd=tmp_path,
        env=python_env(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'has 2 video streams' in done.stderr
    assert indexes(tmp_path / 'store') == list(range(COUNT))


# --- read once


IN_PIPES = pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('f.mkv', X264),
        ('f.mp4', X264),
        ('f.mp4', (*X264, '-movflags', 'faststart')),
        ('f.ts', X264),
        ('f.avi', ('-c:v', 'mjpeg')),
    ],
)


@pytest.mark.once
@pytest.mark.process
@IN_PIPES
def test_standard_input_is_read_once_and_whole(name: str, options: tuple[str, ...], tmp_path: Path) -> None:
    with (
        open(film(tmp_path / name, *options), 'rb') as file,
        subprocess.Popen(['cat'], stdin=file, stdout=subprocess.PIPE) as cat,
    ):
        done = subprocess.run(
            [*RUN, 'save', '--format', 'png', '--source', '/dev/stdin', 'store'],
            cwd=tmp_path,
            env=python_env(),
            stdin=cat.stdout,
            capture_output=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b'')
    assert indexes(tmp_path / 'store') == list(range(COUNT))


@pytest.mark.process
@IN_PIPES
def test_a_fifo_is_read_once_and_whole(
    name: str, options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film(tmp_path / name, *options)
    os.mkfifo(tmp_path / 'p')
    with subprocess.Popen(['bash', '-c', f'cat {name} > p'], cwd=tmp_path):
        store = save(tmp_path, '--source', tmp_path / 'p')
    assert capsys.readouterr().err == ''
    assert indexes(store) == list(range(COUNT))


@pytest.mark.process
@IN_PIPES
def test_what_the_shell_substitutes_is_read_once_and_whole(
    name: str, options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with subprocess.Popen(['cat', film(tmp_path / name, *options)], stdout=subprocess.PIPE) as cat:
        assert cat.stdout
        store = save(tmp_path, '--source', f'/dev/fd/{cat.stdout.fileno()}')
    assert capsys.readouterr().err == ''
    assert indexes(store) == list(range(COUNT))


@pytest.mark.process
def test_an_address_is_opened_once(tmp_path: Path) -> None:
    data = film(tmp_path / 'f.ts', *X264).read_bytes()
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]

    def send() -> None:
        for _ in range(200):
            try:
                with socket.create_connection(('127.0.0.1', port)) as connection:
                    connection.sendall(data)
                return
            except ConnectionRefusedError:
                time.sleep(0.05)

    sender = threading.Thread(target=send)
    sender.start()
    assert indexes(save(tmp_path, '--source', f'tcp://127.0.0.1:{port}?listen=1')) == list(range(COUNT))
    sender.join()


# --- names


@pytest.mark.process
@pytest.mark.parametrize(
    'name', [b'2024-05-01T12:30:00.mp4', b'http:x.mp4', b'20240501', b'-.mp4', b'caf\xe9.mp4', b'%03d.mp4']
)
def test_a_film_may_have_any_name(name: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film(tmp_path / 'f.mp4', *X264).rename(tmp_path / os.fsdecode(name))
    monkeypatch.chdir(tmp_path)
    assert indexes(save(tmp_path, f'--source={os.fsdecode(name)}')) == list(range(COUNT))


@pytest.mark.parametrize('fmt', imgstore.get_supported_formats())
def test_names_that_are_not_utf_8_are_saved_and_opened(fmt: str, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b'caf\xe9')
    folder.mkdir()
    for number in range(3):
        data = cv2.imencode('.png', numbered(number, SHAPE))[1].tobytes()
        (folder / os.fsdecode(b'\xff%d.png' % number)).write_bytes(data)
    store = folder / os.fsdecode(b'st\xf8re')
    assert main(['--format', fmt, '--source', str(folder), str(store)]) == 0
    assert indexes(store) == [0, 1, 2]


def test_a_stack_whose_name_is_not_utf_8_is_read(tmp_path: Path) -> None:
    cv2.imwritemulti(str(tmp_path / 'a.tif'), [numbered(number, SHAPE) for number in range(3)])
    source = (tmp_path / 'a.tif').rename(tmp_path / os.fsdecode(b'\xff.tif'))
    assert indexes(save(tmp_path, '--source', source)) == [0, 1, 2]


def test_digit_folder_is_no_camera_hidden_file_is_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder named with digits is not taken for a camera, and hidden files are not taken for images."""
    (tmp_path / '7').mkdir()
    for number in range(3):
        cv2.imwrite(str(tmp_path / '7' / f'{number}.png'), numbered(number, SHAPE))
        (tmp_path / '7' / f'._{number}.png').write_bytes(b'\0\5\x16\7')
    monkeypatch.chdir(tmp_path)
    assert indexes(save(tmp_path, '--source', '7')) == [0, 1, 2]


# --- what is typed


@pytest.mark.parametrize('more', [['b.png', 'store'], ['b.png', 'c.png', 'store']])
def test_of_a_pattern_without_quotes_the_error_says_to_quote_it(
    more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(['--source', 'a.png', *more])
    assert 'quote it' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        *(
            (text, text)
            for text in (
                '010',
                '12:30',
                'no',
                '0x10',
                '1_0',
                '[1, 2]',
                '.5',
                '+1',
                'NaN',
                '1e999',
                '2026-01-01',
                ' 5',
                '',
            )
        ),
        ('5', 5),
        ('-3', -3),
        ('2.5', 2.5),
        ('1E3', 1000.0),
        ('true', True),
        ('false', False),
        ('null', None),
        ('True', 'True'),
    ],
)
def test_only_what_json_has_without_quotes_is_no_text(text: str, value: object, tmp_path: Path) -> None:
    film_path = make_film(tmp_path / 'f.mkv', [numbered(0, (*SHAPE, 3))], 'bgr0')
    with imgstore.new_for_filename(save(tmp_path, '--metadata', f'key={text}', '--source', film_path)) as store:
        found = store.user_metadata['key']
    assert (found, type(found)) == (value, type(value))


def test_metadata_that_is_not_utf_8_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(['--metadata', os.fsdecode(b'key=\xff'), 'store'])
    assert 'not valid UTF-8' in capsys.readouterr().err


@pytest.mark.process
@pytest.mark.parametrize(('alias', 'fmt'), [('mjpeg', 'mjpeg/avi'), ('avc1', 'avc1/mp4')])
def test_an_alias_of_a_format_is_taken(alias: str, fmt: str, tmp_path: Path) -> None:
    store = save(tmp_path, '--source', film(tmp_path / 'f.mp4', *X264), fmt=alias)
    with imgstore.new_for_filename(store) as opened:
        assert opened._format == fmt


@pytest.mark.process
@pytest.mark.parametrize(
    ('name', 'fmt'), [('o.mp4', 'avc1/mp4'), ('o.MKV', 'h264/mkv'), ('o.avi', 'mjpeg/avi'), ('o.png', 'png')]
)
def test_the_format_is_that_of_the_name_and_the_folder_is_named(
    name: str, fmt: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['--source', str(film(tmp_path / 'f.mp4', *X264)), str(tmp_path / name)]) == 0
    assert f', a store of format {fmt}' in capsys.readouterr().out
    with imgstore.new_for_filename(tmp_path / name) as opened:
        assert opened._format == fmt


RUN_EACH = """
import json, os, sys
from imgstore.apps.dispatch import main
for arguments in json.loads(sys.argv[1]):
    child = os.fork()
    if not child:
        sys.exit(main(arguments.split()))
    if os.waitpid(child, 0)[1]:
        sys.exit(arguments)
"""


@pytest.mark.process
@pytest.mark.parametrize('closed', ['>&-', '2>&-', '<&- >&- 2>&-'])
@pytest.mark.once
def test_commands_work_without_standard_streams(closed: str, tmp_path: Path) -> None:
    film(tmp_path / 'f.mp4', *X264)
    commands = [
        'save --format avc1/mp4 --source f.mp4 s',
        'info s',
        'index s',
        'repair s',
        'export s t.csv',
        'convert --format jpg s c',
        'completion bash',
        'save --help',
    ]
    done = subprocess.run(
        ['bash', '-c', f'"$@" {closed}', '-', sys.executable, '-c', RUN_EACH, json.dumps(commands)],
        cwd=tmp_path,
        env=python_env(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b'Traceback' not in done.stderr
    assert indexes(tmp_path / 's') == list(range(COUNT))


def test_colour_loss_is_reported_unless_gray_is_requested(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The saver reports that colours are lost unless the user asked for gray."""
    source = str(make_film(tmp_path / 'f.mkv', [numbered(0, (*SHAPE, 3))], 'bgr0'))
    assert main(['--format', 'pgm', '--source', source, str(tmp_path / 'a')]) == 0
    assert 'colours are lost' in capsys.readouterr().err
    assert main(['--format', 'pgm', '--gray', '--source', source, str(tmp_path / 'b')]) == 0
    assert capsys.readouterr().err == ''


def test_convert_to_pgm_tells_that_colours_are_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from imgstore.apps.convert import main as convert_main

    source = make_film(tmp_path / 'f.mkv', [numbered(n, (*SHAPE, 3)) for n in range(2)], 'bgr0')
    store = save(tmp_path, '--source', source)
    capsys.readouterr()
    assert convert_main(['--format', 'pgm', str(store), str(tmp_path / 'c')]) == 0
    out = capsys.readouterr().out
    assert '2 frames lost their colours' in out
    assert 'bit for bit' not in out


# --- --overwrite


@pytest.mark.process
def test_errors_name_the_option_of_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = film(tmp_path / 'f.mp4', *X264)
    save(tmp_path, '--source', source)
    save(tmp_path, '--source', source, code=1)
    err = capsys.readouterr().err
    assert 'use --overwrite to replace it' in err
    assert 'overwrite=True' not in err


@pytest.mark.process
def test_a_store_stays_if_its_successor_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = save(tmp_path, '--source', film(tmp_path / 'f.mp4', *X264))
    (tmp_path / 'i').mkdir()
    cv2.imwrite(str(tmp_path / 'i' / '1.png'), np.zeros((9, 9), np.uint8))
    (tmp_path / 'i' / '2.png').write_bytes(b'no')
    save(tmp_path, '--overwrite', '--source', tmp_path / 'i', code=1)
    assert 'is unchanged' in capsys.readouterr().out
    assert indexes(store) == list(range(COUNT))
    assert sorted(os.listdir(tmp_path)) == ['f.mp4', 'i', 'store']


@pytest.mark.process
def test_marks_go_with_a_replaced_recording_and_other_files_stay(tmp_path: Path) -> None:
    source = film(tmp_path / 'f.mp4', *X264)
    store = save(tmp_path, '--source', source)
    write_marks(marks_path(store), [Mark(1)])
    (store / 'notes.txt').write_text('mine')
    save(tmp_path, '--overwrite', '--source', source)
    assert not (store / 'marks.csv').exists()
    assert (store / 'notes.txt').read_text() == 'mine'
    (store / 'marks.csv').write_text('frame,mouse\n3,left\n')
    save(tmp_path, '--overwrite', '--source', source)
    assert (store / 'marks.csv').read_text() == 'frame,mouse\n3,left\n'


@pytest.mark.once
@pytest.mark.process
def test_what_a_pipe_gave_is_kept_if_it_fails(tmp_path: Path) -> None:
    store = save(tmp_path, '--source', film(tmp_path / 'f.mp4', *X264))
    command = [*RUN, 'save', '--overwrite', '--format', 'npy', '--source', '-', '--raw', '8x8', str(store)]
    done = subprocess.run(command, input=bytes(64 * 2 + 5), env=python_env(), capture_output=True, check=False)
    assert done.returncode == 1
    assert indexes(store) == list(range(COUNT))
    assert len(read(tmp_path / 'store.incomplete')[0]) == 2


@pytest.mark.process
def test_a_store_may_be_replaced_by_its_own_images(tmp_path: Path) -> None:
    store = save(tmp_path, '--source', film(tmp_path / 'f.mp4', *X264))
    assert main(['--overwrite', '--format', 'bmp', '--source', str(store / '000000' / '*.png'), str(store)]) == 0
    assert indexes(store) == list(range(COUNT))
    assert sorted(os.listdir(tmp_path)) == ['f.mp4', 'store']


def test_error_says_to_quote_pattern_like_an_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the first file of a pattern begins like an option, the error says to quote the pattern."""
    monkeypatch.chdir(tmp_path)
    for arguments in (['--source', '-a.png', 'b.png', 'store'], ['--source', 'a.png', '-b.png', 'store']):
        (tmp_path / '-b.png').touch()
        with pytest.raises(SystemExit):
            main(arguments)
        assert 'quote it' in capsys.readouterr().err


@pytest.mark.process
def test_a_file_where_the_store_should_be_is_told_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'store').write_text('mine')
    for more in ([], ['--overwrite']):
        save(tmp_path, '--source', film(tmp_path / 'f.mp4', *X264), *more, code=1)
        assert 'is a file, but a store is a folder: give another name' in capsys.readouterr().err
    assert (tmp_path / 'store').read_text() == 'mine'


@pytest.mark.process
def test_one_frame_is_no_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path, '--frames', '1', '--source', film(tmp_path / 'f.mp4', *X264))
    assert '1 frame saved' in capsys.readouterr().out


@pytest.mark.parametrize('value', ['nan', 'inf', '-inf', 'soon'])
def test_a_range_in_seconds_is_of_numbers(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        export_main([f'--from-seconds={value}', 'store', 'out.mp4'])
    assert f'{value!r} is not a number of seconds' in capsys.readouterr().err


def test_why_a_video_cannot_be_read_is_said_once(tmp_path: Path) -> None:
    (tmp_path / 'f.mp4').write_bytes(b'hello')
    with (
        imgstore.new_for_format('avc1/mp4', tmp_path / 's', imgshape=SHAPE) as store,
        pytest.raises(InvalidArgumentError) as told,
    ):
        store.insert_chunk(tmp_path / 'f.mp4', [0], [0.0])
    assert str(told.value).count('read') == 1
    assert str(told.value).count('f.mp4') == 1
