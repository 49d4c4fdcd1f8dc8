"""Makes the little videos in imgstore/chunks/video/samples by which a backend shows that it finds frames exactly.

They are what is hard to seek in: B-frames, open GOPs and, where the container can, a varying frame rate. The
interlaced one tells whether OpenCV can convert such frames.
"""

from fractions import Fraction
from pathlib import Path

import av

import imgstore
from imgstore.chunks.video.numbered import numbered_image

FRAMES = 24
FOLDER = Path(imgstore.__file__).parent / 'chunks' / 'video' / 'samples'
H264 = {'bf': '2', 'g': '8', 'x264-params': 'open-gop=1:b-adapt=0', 'crf': '30'}
HEVC = {'bf': '2', 'g': '8', 'x265-params': 'open-gop=1:b-adapt=0:log-level=none', 'crf': '30'}

INTERLACED = {'bf': '0', 'flags': '+ildct+ilme', 'x264-params': 'tff=1', 'crf': '30'}


def make(path: Path, codec: str, pixel_format: str, times: list[int], options: dict[str, str]) -> None:
    with av.open(str(path), 'w', options={'fflags': '+bitexact'}) as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 64, pixel_format
        stream.codec_context.time_base = Fraction(1, 25)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(numbered_image(number), format='bgr24').reformat(format=pixel_format)
            frame.pts, frame.time_base = time, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


if __name__ == '__main__':
    varying = [number + number // 5 * 3 for number in range(FRAMES)]
    make(FOLDER / 'numbered.avi', 'mjpeg', 'yuvj420p', list(range(FRAMES)), {})
    make(FOLDER / 'numbered.mkv', 'libx264', 'yuv420p', varying, H264)
    make(FOLDER / 'interlaced.mp4', 'libx264', 'yuv420p', list(range(3)), INTERLACED)
    make(FOLDER / 'numbered.mp4', 'libx264', 'yuv420p', varying, H264)
    make(FOLDER / 'hevc.mp4', 'libx265', 'yuv420p', varying, HEVC)
