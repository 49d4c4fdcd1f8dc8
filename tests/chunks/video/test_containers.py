"""Containers are opened alike by every PyAV, whatever text is in them."""

import av
import numpy as np
import pytest

import imgstore
from imgstore.chunks.video.container_checks import open_container, open_input, open_output
from imgstore.chunks.video.pyav_reader import PyAVChunkReader
from imgstore.export import export_video, select
from imgstore.export.sound import FileSound
from imgstore.sources import VideoFile

from ...helpers.videos import RECIPES, make_video

ASCII, NOT_UTF8 = b'cafe-in-ascii', b'caf\xe9 \xff in bytes'


@pytest.fixture
def film(tmp_path):
    """A video with sound, whose title is no UTF-8."""
    path = tmp_path / 'film.mkv'
    with av.open(str(path), 'w') as container:
        container.metadata['title'] = container.metadata['creation_time'] = ASCII.decode()
        video, sound = container.add_stream('mjpeg', rate=25), container.add_stream('pcm_s16le', rate=8000)
        video.width, video.height, video.pix_fmt = 64, 48, 'yuvj420p'
        video.metadata['title'] = sound.metadata['title'] = ASCII.decode()
        for number in range(5):
            picture = np.full((48, 64, 3), 40 * number, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format='bgr24')))
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 320), np.int16), format='s16', layout='mono')
            silence.sample_rate, silence.pts = 8000, 320 * number
            container.mux(sound.encode(silence))
        container.mux(video.encode(None))
    content = path.read_bytes()
    assert content.count(ASCII) >= 3
    path.write_bytes(content.replace(ASCII, NOT_UTF8[: len(ASCII)].ljust(len(ASCII), b'\xe9')))
    return str(path)


def test_text_of_a_container_keeps_its_bytes(film):
    wanted = NOT_UTF8[: len(ASCII)].ljust(len(ASCII), b'\xe9')
    for opened in (open_input(film), open_container(film)):
        with opened as container:
            for metadata in (container.metadata, container.streams.video[0].metadata):
                assert metadata['title'].encode('utf-8', 'surrogateescape') == wanted


def test_a_film_with_text_in_no_utf8_is_read(film):
    with VideoFile(film) as source:
        assert source.length in (None, 5)
        assert len(list(source.frames())) == 5
    assert FileSound(film).rate == 8000
    assert sum(block.shape[1] for block in FileSound(film).blocks()) == 5 * 320
    with PyAVChunkReader(film, color=True) as reader:
        assert reader.count() == 5


def test_text_in_no_utf8_is_written(tmp_path):
    path = str(tmp_path / 'film.mkv')
    with open_output(path) as container:
        container.metadata['title'] = NOT_UTF8.decode('utf-8', 'surrogateescape')
        stream = container.add_stream('mjpeg', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuvj420p'
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format='bgr24')))
        container.mux(stream.encode(None))
    with open(path, 'rb') as file:
        assert NOT_UTF8 in file.read()


@pytest.mark.parametrize('codec', ['copy', 'h264'])
def test_a_store_in_a_folder_whose_name_is_no_utf8_is_exported(tmp_path, codec):
    folder = str(tmp_path / 'rec\udce9')
    try:
        (tmp_path / 'rec\udce9').mkdir()
    except (OSError, UnicodeError):
        return  # a file system that has none
    with imgstore.new_for_format('h264/mkv', folder, imgshape=(48, 64, 3), overwrite=True) as store:
        for number in range(12):
            store.add_image(np.full((48, 64, 3), number, np.uint8), number, number / 25)
    with imgstore.new_for_filename(folder) as store:
        export_video(select(store), tmp_path / 'film.mkv', codec=codec)
    with open_input(str(tmp_path / 'film.mkv')) as film:
        assert film.metadata['TITLE' if 'TITLE' in film.metadata else 'title'].startswith('rec')
        assert len(list(film.decode(video=0))) == 12


def test_copying_a_playlist_chunk_opens_no_other_file(tmp_path):
    """Exporting a copy of a store's chunk never opens another file."""
    with imgstore.new_for_format('h264/mkv', str(tmp_path / 's'), imgshape=(48, 64, 3)) as store:
        for number in range(5):
            store.add_image(np.full((48, 64, 3), number, np.uint8), number, number / 25)
    make_video(tmp_path / 'other.ts', RECIPES['constant_rate_mkv'])
    (tmp_path / 's' / '000000.mkv').write_text(
        f'#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:2,\n{tmp_path / "other.ts"}\n#EXT-X-ENDLIST\n'
    )
    with (
        imgstore.new_for_filename(str(tmp_path / 's')) as store,
        pytest.raises(imgstore.errors.InvalidArgumentError, match='start like'),
    ):
        export_video(select(store), tmp_path / 'film.mkv', codec='copy')
