"""Small videos of every kind that is hard to read exactly, made with PyAV; frames carry their index."""

from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np

from .frames import numbered

SHAPE = (64, 96, 3)
COUNT = 40
MS = Fraction(1, 1000)

EVEN = [40 * i for i in range(COUNT)]
VARYING = [40 * i + 7 * (i % 3) + 300 * (i // 9) for i in range(COUNT)]

B_FRAMES = {'bf': '3', 'g': '10', 'x264-params': 'b-adapt=0:b-pyramid=normal'}
OPEN_GOPS = {'bf': '2', 'g': '10', 'x264-params': 'open-gop=1:b-adapt=0:scenecut=0'}
INTRA_REFRESH = {'g': '12', 'bf': '0', 'x264-params': 'intra-refresh=1'}


@dataclass(frozen=True)
class Recipe:
    """How a video is made: times in ms, options of encoder and muxer."""

    extension: str
    codec: str = 'libx264'
    times: list[int] = field(default_factory=lambda: EVEN)
    options: dict[str, str] = field(default_factory=dict)
    muxer: dict[str, str] = field(default_factory=dict)
    pixel_format: str = 'yuv420p'
    shape: tuple[int, ...] = SHAPE
    audio: bool = False
    color_range: int = 0
    colorspace: int = 2
    tick: Fraction = MS


RECIPES = {
    'constant_rate_mkv': Recipe('.mkv', options={'g': '10', 'bf': '0'}),
    'variable_rate_mkv': Recipe('.mkv', times=VARYING, options={'g': '10', 'bf': '0'}),
    'variable_rate_mp4': Recipe('.mp4', times=VARYING, options={'g': '10', 'bf': '0'}),
    'b_frames_mkv': Recipe('.mkv', times=VARYING, options=B_FRAMES),
    'b_frames_mp4': Recipe('.mp4', times=VARYING, options=B_FRAMES),
    'open_gops_mkv': Recipe('.mkv', times=VARYING, options=OPEN_GOPS),
    'open_gops_mp4': Recipe('.mp4', options=OPEN_GOPS),
    'intra_refresh_mkv': Recipe('.mkv', options=INTRA_REFRESH),
    'intra_refresh_mp4': Recipe('.mp4', options=INTRA_REFRESH),
    'many_slices_mkv': Recipe('.mkv', options={'bf': '0', 'g': '10', 'x264-params': 'slices=4'}),
    'hevc_open_gops_mp4': Recipe(
        '.mp4', 'libx265', times=VARYING, options={'x265-params': 'keyint=10:min-keyint=10:bframes=2:log-level=none'}
    ),
    'mpeg4_b_frames_avi': Recipe('.avi', 'mpeg4', options={'bf': '2', 'g': '10'}),
    'mpeg4_b_frames_mp4': Recipe('.mp4', 'mpeg4', times=VARYING, options={'bf': '2', 'g': '10'}),
    'h264_b_frames_avi': Recipe('.avi', options=B_FRAMES),
    'start_offset_mp4': Recipe('.mp4', times=[t + 5000 for t in VARYING], options=B_FRAMES),
    'start_offset_mkv': Recipe('.mkv', times=[t + 5000 for t in VARYING], options=B_FRAMES),
    'negative_start_mkv': Recipe(
        '.mkv',
        times=[t - 200 for t in VARYING],
        options={'g': '10', 'bf': '0'},
        muxer={'avoid_negative_ts': 'disabled'},
    ),
    'negative_dts_mp4': Recipe(
        '.mp4',
        times=VARYING,
        options=B_FRAMES,
        muxer={'use_editlist': '0', 'avoid_negative_ts': 'disabled', 'movflags': 'negative_cts_offsets'},
    ),
    'fragmented_mp4': Recipe(
        '.mp4', times=VARYING, options=B_FRAMES, muxer={'movflags': 'frag_keyframe+empty_moov+default_base_moof'}
    ),
    'without_cues_mkv': Recipe('.mkv', times=VARYING, options=B_FRAMES, muxer={'live': '1'}),
    'audio_first_mp4': Recipe('.mp4', times=VARYING, options=B_FRAMES, audio=True),
    'audio_first_mkv': Recipe('.mkv', times=VARYING, options={'g': '10', 'bf': '0'}, audio=True),
    'audio_first_avi': Recipe('.avi', 'mjpeg', pixel_format='yuvj420p', audio=True),
    'equal_times_mkv': Recipe('.mkv', times=list(range(COUNT)), options={'g': '10', 'bf': '0'}, tick=Fraction(1, 2500)),
    'long_gop_mp4': Recipe('.mp4', times=[40 * i for i in range(260)], options={'g': '250', 'bf': '0'}),
    'mjpeg_avi': Recipe('.avi', 'mjpeg', pixel_format='yuvj420p'),
    'yuv422p_mp4': Recipe('.mp4', pixel_format='yuv422p'),
    'yuv444p_mkv': Recipe('.mkv', pixel_format='yuv444p'),
    'gray_mkv': Recipe('.mkv', pixel_format='gray'),
    'yuv420p10_mp4': Recipe('.mp4', pixel_format='yuv420p10le'),
    'full_range_mp4': Recipe('.mp4', pixel_format='yuvj420p', color_range=2),
    'bt709_mp4': Recipe('.mp4', color_range=1, colorspace=1),
    'mjpeg_422_avi': Recipe('.avi', 'mjpeg', pixel_format='yuvj422p'),
    'mjpeg_444_odd_size_avi': Recipe('.avi', 'mjpeg', pixel_format='yuvj444p', shape=(65, 97, 3)),
    'odd_size_mkv': Recipe('.mkv', pixel_format='yuv444p', shape=(65, 97, 3)),
    'odd_size_420_avi': Recipe('.avi', 'mjpeg', pixel_format='yuvj420p', shape=(65, 97, 3)),
}


def make_video(path, recipe, images=None):
    """Write a video by a recipe, of the images given or else of numbered ones."""
    if images is None:
        images = (numbered(i, recipe.shape) for i in range(len(recipe.times)))
    with av.open(str(path), 'w', options=recipe.muxer) as container:
        audio = (
            container.add_stream('pcm_s16le' if recipe.extension != '.mp4' else 'aac', rate=8000)
            if recipe.audio
            else None
        )
        stream = container.add_stream(recipe.codec, rate=25, options=recipe.options)
        stream.height, stream.width = recipe.shape[:2]
        stream.pix_fmt = recipe.pixel_format
        context = stream.codec_context
        context.time_base = Fraction(1, 25) if recipe.extension == '.avi' or recipe.codec == 'mpeg4' else recipe.tick
        context.color_range, context.colorspace = recipe.color_range, recipe.colorspace
        if audio:
            _mux_audio(container, audio, len(recipe.times))
        for image, time in zip(images, recipe.times, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format='bgr24').reformat(
                format=recipe.pixel_format,
                dst_color_range=recipe.color_range or None,
                dst_colorspace=recipe.colorspace if recipe.colorspace != 2 else None,
            )
            frame.pts, frame.time_base = int(time * recipe.tick / context.time_base), context.time_base
            frame.color_range, frame.colorspace = recipe.color_range, recipe.colorspace
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _mux_audio(container, stream, count):
    for i in range(count):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 320), np.int16), format='s16', layout='mono')
        frame.sample_rate, frame.pts = 8000, 320 * i
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
