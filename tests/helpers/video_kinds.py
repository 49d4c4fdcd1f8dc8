"""Videos of many kinds, made by the ffmpeg program and PyAV; one row a kind. Frames carry their index.

`video_ways` has what each way into a store makes of each kind.
"""

import re
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

import imgstore

from . import h264_pcm
from .frames import numbered
from .videos import RECIPES, SHAPE, make_video

COUNT = 24
RATE = 25

NO_B = ('-bf', '0', '-g', '8')
B = ('-bf', '2', '-g', '8', '-x264-params', 'b-adapt=0:scenecut=0')
INTERLACED = ('-flags', '+ilme+ildct')


@dataclass(frozen=True)
class Kind:
    """How a video is made, and what becomes of it: '' where it is exact, else what the refusal says.

    Attributes
    ----------
    extension : str
    make : callable
        Of a path, where it puts the video.
    insert, opencv, save, export, damaged : str
        Pattern of the reason by that way in; `opencv` of what reading by OpenCV says where it was inserted; `damaged`
        of what reading says of some frames, of a chunk that an older version took.
    shape : tuple of int
        Of the frames as they are coded.
    track : str
        Which one the video is, as the ffmpeg program names it.
    frames : int
        How many there are at most; before FFmpeg 6 hidden ones of some codecs were shown before them.
    """

    extension: str
    make: Callable | None
    insert: str = ''
    opencv: str = ''
    save: str = ''
    export: str = ''
    damaged: str = ''
    shape: tuple[int, ...] = SHAPE
    track: str = '0:V:0'
    frames: int = COUNT

    @property
    def was_inserted(self):
        """Whether older versions took what is refused today, so that it still reads."""
        return bool(self.damaged) or self.insert == _DEEP


# --- steps


def run(*arguments, given=None):
    done = subprocess.run(
        ['ffmpeg', '-hide_banner', '-nostdin' if given is None else '-y', '-y', '-v', 'error', *map(str, arguments)],
        input=given,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors='replace')[-600:])


def encoded(*options, shape=SHAPE, count=COUNT, first=0):
    """-> makes a video of numbered frames by the ffmpeg program with these options."""

    def make(path):
        raw = b''.join(numbered(first + index, shape).tobytes() for index in range(count))
        run(
            '-f',
            'rawvideo',
            '-pix_fmt',
            'bgr24',
            '-s',
            f'{shape[1]}x{shape[0]}',
            '-r',
            RATE,
            '-i',
            '-',
            *options,
            path,
            given=raw,
        )

    return make


def in_two_passes(*options, count=COUNT):
    """-> makes a video of numbered frames by an encoder that looks at all of them first."""

    def make(path):
        log = ('-passlogfile', path.with_name('log'))
        encoded(*options, *log, '-pass', '1', count=count)(path.with_name('first' + path.suffix))
        encoded(*options, *log, '-pass', '2', count=count)(path)

    return make


def copied(make, *options, extension='', before=()):
    """-> makes a video, then copies its packets by the ffmpeg program with these options."""

    def remake(path):
        source = path.with_name('source' + (extension or path.suffix))
        make(source)
        run(*before, '-i', source, '-map', '0:v', '-c', 'copy', *options, path)

    return remake


def edited(make, edit):
    """-> makes a video, then edits its bytes."""

    def remake(path):
        make(path)
        data = bytearray(path.read_bytes())
        path.write_bytes(edit(data) or data)

    return remake


def joined(*makes, extension='.ts'):
    """-> makes videos and copies the packets of one after the other."""

    def remake(path):
        parts = [path.with_name(f'part{number}{extension}') for number in range(len(makes))]
        for part, make in zip(parts, makes, strict=True):
            make(part)
        run('-i', 'concat:' + '|'.join(map(str, parts)), '-c', 'copy', path)

    return remake


def from_recipe(recipe):
    """-> makes a video by a recipe of `videos`."""
    return lambda path: make_video(path, recipe)


def from_packets(codec, options, arrange, pixel_format='yuv420p'):
    """-> makes a video of encoded packets, arranged: (data, pts, dts, is a keyframe), in frames."""

    def make(path):
        encoder = av.CodecContext.create(codec, 'w')
        encoder.height, encoder.width = SHAPE[:2]
        encoder.pix_fmt, encoder.time_base, encoder.framerate = pixel_format, Fraction(1, RATE), Fraction(RATE)
        encoder.options = options
        packets = []
        for index in range(COUNT):
            frame = av.VideoFrame.from_ndarray(numbered(index, SHAPE), format='bgr24').reformat(format=pixel_format)
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            packets += encoder.encode(frame)
        packets += encoder.encode(None)
        stream = {'codec_name': codec, 'rate': RATE}
        _mux(
            path,
            lambda container: container.add_stream(**stream),
            arrange([(bytes(packet), packet.pts, packet.dts, packet.is_keyframe) for packet in packets]),
            pixel_format,
        )

    return make


def from_pictures(interlaced, orders, fields_a_packet=None):
    """-> makes a video of raw H.264, its frames in an order that is not that of showing, or a field a picture."""

    def make(path):
        packets = []
        for number, order in enumerate(orders):
            gray, fields = numbered(order, SHAPE[:2]), [None] if fields_a_packet is None else [0, 1]
            units = [h264_pcm.picture(gray, number, order, interlaced, field) for field in fields]
            units = [b''.join(units)] if fields_a_packet != 1 else units
            packets += [
                (unit, len(units) * (order + 1) + part, len(units) * number + part, not number and not part)
                for part, unit in enumerate(units)
            ]
        packets[0] = (h264_pcm.parameter_sets(interlaced) + packets[0][0], *packets[0][1:])
        source = path.with_name('source.h264')
        source.write_bytes(b''.join(packet[0] for packet in packets))
        with av.open(str(source)) as template:
            _mux(path, lambda container: container.add_stream_from_template(template.streams.video[0]), packets)

    return make


def _mux(path, add_stream, packets, pixel_format=None):
    with av.open(str(path), 'w', options={'avoid_negative_ts': 'disabled'}) as container:
        stream = add_stream(container)
        if pixel_format:
            stream.height, stream.width = SHAPE[:2]
            stream.pix_fmt = pixel_format
        for data, pts, dts, is_key in packets:
            packet = av.Packet(data)
            packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, pts, dts, is_key
            packet.time_base, packet.duration = Fraction(1, RATE), 1
            container.mux(packet)


# --- edits of an MP4's bytes: ISO/IEC 14496-12


def _box(data, *names):
    """Starts of boxes, each in the one before."""
    starts, begin = [], 0
    for name in names:
        begin = data.index(name, begin + 4) - 4
        starts.append(begin)
    return starts


def edit_list(*edits):
    """-> replaces the edit list: (first frame, or None for a pause; frames)."""

    def edit(data):
        *parents, begin = _box(data, b'moov', b'trak', b'edts', b'elst')
        scale = struct.unpack_from('>I', data, data.index(b'mvhd') + 16)[0]
        tick = struct.unpack_from('>I', data, data.index(b'mdhd') + 16)[0]
        entries = b''.join(
            struct.pack('>IiI', frames * scale // RATE, -1 if first is None else first * tick // RATE, 1 << 16)
            for first, frames in edits
        )
        new = struct.pack('>I4sII', 16 + len(entries), b'elst', 0, len(edits)) + entries
        old = struct.unpack_from('>I', data, begin)[0]
        for parent in parents:
            size = struct.unpack_from('>I', data, parent)[0]
            struct.pack_into('>I', data, parent, size + len(new) - old)
        data[begin : begin + old] = new

    return edit


def without_show_times(data):
    """Rename the box with the composition times."""
    begin = data.index(b'ctts')
    data[begin : begin + 4] = b'free'


def matrix(a, b, c, d, right, down):
    """-> has players turn or mirror the frames."""

    def edit(data):
        begin = data.index(b'tkhd') + 8 + 20 + 16
        struct.pack_into('>9i', data, begin, a << 16, b << 16, 0, c << 16, d << 16, 0, right << 16, down << 16, 1 << 30)

    return edit


def cut(percent):
    """-> cuts the end off."""
    return lambda data: data[: len(data) * percent // 100]


def damaged(which, seed=3):
    """-> makes noise of the middle of a packet."""

    def remake(make):
        def damage(path):
            make(path)
            with av.open(str(path)) as container:
                places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
            begin, size = places[which]
            data = bytearray(path.read_bytes())
            noise = np.random.default_rng(seed).integers(0, 256, size // 2, np.uint8).tobytes()
            data[begin + size // 3 : begin + size // 3 + len(noise)] = noise
            path.write_bytes(data)

        return damage

    return remake


def without_packet(which):
    """-> leaves a packet out."""

    def remake(make):
        def leave_out(path):
            source = path.with_name('source' + path.suffix)
            make(source)
            with av.open(str(source)) as old, av.open(str(path), 'w') as new:
                stream = new.add_stream_from_template(old.streams.video[0])
                for number, packet in enumerate(packet for packet in old.demux(video=0) if packet.size):
                    packet.stream = stream
                    if number != which:
                        new.mux(packet)

        return leave_out

    return remake


# --- arrangements of packets

_NOT_CODED = b'\x00\x00\x01\xb6\x50\x4f'  # a VOP of MPEG-4 that repeats the one before
_VOP = b'\x00\x00\x01\xb6'


def packed(packets):
    """B-frames of MPEG-4 in the packet of the frame that they are made from, as DivX packed them."""
    (data, *rest), *others = packets
    mark = data.index(_VOP)
    new = [(data[:mark] + b'\x00\x00\x01\xb2DivX503b1393p' + data[mark:], *rest)]
    while others:
        reference = others.pop(0)
        if others and others[0][1] < reference[1]:
            new.append((reference[0] + others.pop(0)[0], *reference[1:]))
            new.append((_NOT_CODED, *reference[1:3], False))
        else:
            new.append(reference)
    return [(data, at, at, is_key) for at, (data, _, _, is_key) in enumerate(new)]


def not_coded(packets):
    """A packet that shows nothing, as the encoder of Xvid writes for a frame that is equal to the one before."""
    new = [*packets[:10], (_NOT_CODED, 0, 0, False), *packets[10:]]
    return [(data, at, at, is_key) for at, (data, _, _, is_key) in enumerate(new)]


def with_empty(packets):
    """Packets of no bytes, as recorders write into AVI for a frame that they dropped."""
    new = [*packets[:7], (b'', 0, 0, False), *packets[7:]]
    return [(data, at, at, is_key) for at, (data, _, _, is_key) in enumerate(new)]


def with_equal_times(packets):
    """Two frames at one time."""
    return [(data, at - (at > 9), at - (at > 9), is_key) for at, (data, _, _, is_key) in enumerate(packets)]


def with_decoding_times(packets):
    """The times of decoding in place of those of showing."""
    return [(data, at, at, is_key) for at, (data, _, _, is_key) in enumerate(packets)]


def uneven(packets):
    """Frames that do not come at an even pace."""
    return [(data, pts + pts // 5 * 4, dts + dts // 5 * 4, is_key) for data, pts, dts, is_key in packets]


# --- the table

H264 = encoded('-c:v', 'libx264', *NO_B)
H264_B = encoded('-c:v', 'libx264', *B)
MPEG4 = encoded('-c:v', 'mpeg4', '-q', '3', *NO_B)
MPEG4_B = encoded('-c:v', 'mpeg4', '-q', '3', '-bf', '2', '-g', '8')
HEVC = encoded('-c:v', 'libx265', '-x265-params', 'log-level=none:keyint=8:min-keyint=8:bframes=2:open-gop=0')
HEVC_OPEN = encoded('-c:v', 'libx265', '-x265-params', 'log-level=none:keyint=8:min-keyint=8:bframes=2:open-gop=1')
OPEN = encoded('-c:v', 'libx264', '-bf', '2', '-g', '8', '-x264-params', 'open-gop=1:b-adapt=0:scenecut=0')
MJPEG = encoded('-c:v', 'mjpeg', '-q', '3')
FFV1 = encoded('-c:v', 'ffv1', '-level', '3', '-slicecrc', '1', '-pix_fmt', 'gray')
MBAFF = encoded('-c:v', 'libx264', *INTERLACED, '-bf', '0', '-g', '8', '-x264-params', 'tff=1')
VP9 = encoded('-c:v', 'libvpx-vp9', '-cpu-used', '8', '-deadline', 'realtime', '-b:v', '300k', '-g', '8')
_AV1_OPTIONS = ('-c:v', 'libsvtav1', '-preset', '12', '-g', '8')
AV1 = encoded(*_AV1_OPTIONS)
TRIM = ('-ss', '0.44')

_LATE = [*range(12), 13, 12, 15, 14, 17, 16, 19, 18, 21, 20, 23, 22]

_TURNED = 'rotation or mirroring'
_EXTENSION = 'must be a'
_REFUSED = 'damaged or missing frame'
_CUT_OFF = 'is cut off'
_DEEP, _DEEP_RECIPES = 'bits per sample', ('yuv420p10_mp4',)
_DAMAGED = 'missing or damaged|only .* readable frames|which are missing is unknown'

KINDS = {
    # H.264, by container and order
    'h264_mp4': Kind('.mp4', H264),
    'h264_b_frames_mp4': Kind('.mp4', H264_B),
    'h264_b_frames_mkv': Kind('.mkv', H264_B),
    'h264_open_gops_mp4': Kind('.mp4', OPEN),
    'h264_avi': Kind('.avi', H264),
    'h264_b_frames_avi': Kind('.avi', H264_B),
    'h264_ts': Kind('.ts', H264_B, insert=_EXTENSION),
    'h264_flv': Kind('.flv', H264_B, insert=_EXTENSION),
    'h264_mov': Kind('.mov', H264_B, insert=_EXTENSION),
    'h264_byte_stream': Kind('.h264', H264, insert=_EXTENSION),
    'h264_fragmented_mp4': Kind('.mp4', encoded('-c:v', 'libx264', *B, '-movflags', 'frag_keyframe+empty_moov')),
    'h264_lossless_mkv': Kind('.mkv', encoded('-c:v', 'libx264', '-qp', '0', '-pix_fmt', 'yuv444p')),
    'h264_rgb_mkv': Kind('.mkv', encoded('-c:v', 'libx264rgb', '-qp', '0')),
    'h264_10_bit_mp4': Kind('.mp4', encoded('-c:v', 'libx264', *B, '-pix_fmt', 'yuv420p10le'), insert=_DEEP),
    'h264_gray_mp4': Kind('.mp4', encoded('-c:v', 'libx264', *B, '-pix_fmt', 'gray')),
    # trimmed without re-encoding: frames before the cut are there, hidden
    'h264_trimmed_mp4': Kind('.mp4', copied(H264, before=TRIM)),
    'h264_b_frames_trimmed_mp4': Kind('.mp4', copied(H264_B, before=TRIM)),
    'h264_open_gops_trimmed_mp4': Kind('.mp4', copied(OPEN, before=TRIM)),
    'hevc_trimmed_mp4': Kind('.mp4', copied(HEVC, '-tag:v', 'hvc1', before=TRIM)),
    'mpeg4_trimmed_mp4': Kind('.mp4', copied(MPEG4, before=TRIM)),
    'mpeg4_b_frames_trimmed_mp4': Kind('.mp4', copied(MPEG4_B, before=TRIM)),
    'av1_trimmed_mp4': Kind('.mp4', copied(AV1, before=TRIM), opencv=_DAMAGED, frames=13),
    'mjpeg_trimmed_mp4': Kind('.mp4', copied(MJPEG, before=TRIM)),
    'h264_trimmed_mkv': Kind('.mkv', copied(H264_B, before=TRIM)),
    'h264_open_gops_trimmed_mkv': Kind('.mkv', copied(OPEN, before=TRIM)),
    'hevc_open_gops_trimmed_mkv': Kind('.mkv', copied(HEVC_OPEN, before=TRIM)),
    'mpeg4_trimmed_avi': Kind('.avi', copied(MPEG4, before=TRIM)),
    'h264_trimmed_fragmented_mp4': Kind('.mp4', copied(H264, '-movflags', 'frag_keyframe', before=TRIM)),
    # edit lists
    'edit_between_keyframes_mp4': Kind('.mp4', edited(H264, edit_list((3, 21)))),
    'edit_that_ends_early_mp4': Kind('.mp4', edited(H264, edit_list((2, 15)))),
    'edit_with_a_pause_first_mp4': Kind('.mp4', edited(H264, edit_list((None, 10), (0, 24)))),
    'edits_that_leave_out_the_middle_mp4': Kind('.mp4', edited(H264, edit_list((0, 6), (12, 12)))),
    'edits_that_repeat_mp4': Kind('.mp4', edited(H264, edit_list((0, 10), (4, 10)))),
    'edits_backwards_mp4': Kind('.mp4', edited(H264, edit_list((16, 8), (0, 8)))),
    'edit_of_mjpeg_mp4': Kind('.mp4', edited(MJPEG, edit_list((5, 19)))),
    # times that do not tell the order
    'h264_b_frames_without_show_times_mp4': Kind(
        '.mp4', edited(encoded('-c:v', 'libx264', *B, '-use_editlist', '0'), without_show_times)
    ),
    'h264_b_frames_with_edits_without_show_times_mp4': Kind('.mp4', edited(H264_B, without_show_times)),
    'mpeg4_b_frames_without_show_times_mp4': Kind(
        '.mp4',
        edited(encoded('-c:v', 'mpeg4', '-q', '3', '-bf', '2', '-g', '8', '-use_editlist', '0'), without_show_times),
    ),
    'hevc_without_show_times_mp4': Kind(
        '.mp4',
        edited(
            encoded('-c:v', 'libx265', '-x265-params', 'log-level=none:keyint=8:min-keyint=8', '-use_editlist', '0'),
            without_show_times,
        ),
    ),
    'h264_b_frames_at_times_of_decoding_mkv': Kind(
        '.mkv',
        from_packets('libx264', {'bf': '2', 'g': '8', 'x264-params': 'b-adapt=0'}, with_decoding_times),
        insert='order',
    ),
    'h264_equal_times_mkv': Kind(
        '.mkv', from_packets('libx264', {'bf': '0', 'g': '8'}, with_equal_times), insert='order'
    ),
    'h264_uneven_mkv': Kind('.mkv', from_packets('libx264', {'bf': '2', 'g': '8'}, uneven)),
    'mpeg4_avi': Kind('.avi', MPEG4),
    'mpeg4_b_frames_avi': Kind('.avi', MPEG4_B),
    'mpeg4_packed_b_frames_avi': Kind('.avi', from_packets('mpeg4', {'bf': '1', 'g': '8', 'b': '2M'}, packed)),
    'mpeg4_not_coded_avi': Kind(
        '.avi', from_packets('mpeg4', {'bf': '0', 'g': '8', 'b': '2M'}, not_coded), insert='25 packets but shows 24'
    ),
    'xvid_b_frames_avi': Kind('.avi', encoded('-c:v', 'libxvid', '-q', '3', '-bf', '2', '-g', '8')),
    'msmpeg4_avi': Kind('.avi', encoded('-c:v', 'msmpeg4', '-q', '3', '-g', '8')),
    'mjpeg_with_dropped_frames_avi': Kind('.avi', from_packets('mjpeg', {}, with_empty, 'yuvj420p')),
    # frames that are hidden in the stream
    'vp8_alternate_references_mkv': Kind(
        '.mkv',
        in_two_passes(
            '-c:v', 'libvpx', '-auto-alt-ref', '1', '-lag-in-frames', '16', '-b:v', '300k', '-arnr-maxframes', '5'
        ),
    ),
    'vp8_alternate_references_avi': Kind(
        '.avi',
        in_two_passes(
            '-c:v', 'libvpx', '-auto-alt-ref', '1', '-lag-in-frames', '16', '-b:v', '300k', '-arnr-maxframes', '5'
        ),
    ),
    'vp9_alternate_references_mkv': Kind(
        '.mkv',
        in_two_passes(
            '-c:v', 'libvpx-vp9', '-auto-alt-ref', '1', '-lag-in-frames', '16', '-b:v', '300k', '-cpu-used', '4'
        ),
    ),
    'vp9_webm': Kind('.webm', VP9, insert=_EXTENSION),
    'vp9_mp4': Kind('.mp4', VP9),
    'av1_mkv': Kind('.mkv', AV1, opencv=_DAMAGED),
    # interlaced
    'h264_interlaced_mp4': Kind('.mp4', MBAFF, opencv='interlaced'),
    'h264_interlaced_mkv': Kind('.mkv', MBAFF, opencv='interlaced'),
    'h264_interlaced_avi': Kind('.avi', MBAFF, opencv='interlaced'),
    'h264_interlaced_b_frames_mp4': Kind(
        '.mp4',
        encoded('-c:v', 'libx264', *INTERLACED, '-bf', '2', '-g', '8', '-x264-params', 'bff=1:b-adapt=0'),
        opencv='interlaced',
    ),
    'h264_interlaced_from_the_middle_on_mkv': Kind(
        '.mkv',
        joined(
            encoded('-c:v', 'libx264', *NO_B, count=12),
            encoded(
                '-c:v',
                'libx264',
                *INTERLACED,
                *NO_B,
                '-x264-params',
                'tff=1',
                '-output_ts_offset',
                '0.48',
                count=12,
                first=12,
            ),
        ),
        opencv='interlaced',
    ),
    'h264_fields_mp4': Kind('.mp4', from_pictures(True, range(COUNT), 2), opencv='interlaced'),
    'h264_fields_mkv': Kind('.mkv', from_pictures(True, range(COUNT), 2), opencv='interlaced'),
    'h264_a_field_a_packet_mkv': Kind('.mkv', from_pictures(True, range(COUNT), 1), insert='48 packets but shows 24'),
    'h264_a_field_a_packet_mp4': Kind('.mp4', from_pictures(True, range(COUNT), 1), insert='48 packets but shows 24'),
    'h264_frames_of_an_interlaced_stream_mp4': Kind('.mp4', from_pictures(True, range(COUNT))),
    'h264_reordered_from_the_middle_on_mkv': Kind('.mkv', from_pictures(False, _LATE)),
    'h264_reordered_from_the_middle_on_avi': Kind('.avi', from_pictures(False, _LATE), insert='order'),
    'h264_reordered_from_the_middle_on_mp4': Kind('.mp4', from_pictures(False, _LATE)),
    'mpeg2_interlaced_mkv': Kind(
        '.mkv', encoded('-c:v', 'mpeg2video', *INTERLACED, '-bf', '2', '-g', '8', '-q', '3'), opencv='interlaced'
    ),
    'mpeg2_interlaced_ts': Kind(
        '.ts', encoded('-c:v', 'mpeg2video', *INTERLACED, '-bf', '2', '-q', '3'), insert=_EXTENSION
    ),
    'dv_avi': Kind(
        '.avi',
        encoded('-c:v', 'dvvideo', '-pix_fmt', 'yuv420p', shape=(576, 720, 3)),
        shape=(576, 720, 3),
        opencv='interlaced',
    ),
    # turned and mirrored
    'turned_mp4': Kind('.mp4', edited(H264, matrix(0, 1, -1, 0, SHAPE[0], 0)), insert=_TURNED),
    'upside_down_mp4': Kind('.mp4', edited(H264, matrix(-1, 0, 0, -1, SHAPE[1], SHAPE[0])), insert=_TURNED),
    'mirrored_mp4': Kind('.mp4', edited(H264, matrix(-1, 0, 0, 1, SHAPE[1], 0)), insert=_TURNED),
    'mirrored_mjpeg_mov': Kind('.mov', edited(MJPEG, matrix(1, 0, 0, -1, 0, SHAPE[0])), insert=_EXTENSION),
    # other codecs
    'mpeg2_mp4': Kind('.mp4', encoded('-c:v', 'mpeg2video', '-bf', '2', '-g', '8', '-q', '3')),
    'mpeg2_program_stream': Kind(
        '.mpg', encoded('-c:v', 'mpeg2video', '-bf', '2', '-g', '8', '-q', '3'), insert=_EXTENSION
    ),
    'mpeg1_mkv': Kind('.mkv', encoded('-c:v', 'mpeg1video', '-bf', '2', '-g', '8', '-q', '3')),
    'hevc_mp4': Kind('.mp4', HEVC),
    'hevc_open_gops_mkv': Kind('.mkv', HEVC_OPEN),
    'hevc_10_bit_mkv': Kind(
        '.mkv',
        encoded('-c:v', 'libx265', '-pix_fmt', 'yuv420p10le', '-x265-params', 'log-level=none:lossless=1'),
        insert=_DEEP,
    ),
    'hevc_12_bit_444_mkv': Kind(
        '.mkv', encoded('-c:v', 'libx265', '-pix_fmt', 'yuv444p12le', '-x265-params', 'log-level=none'), insert=_DEEP
    ),
    'theora_mkv': Kind('.mkv', encoded('-c:v', 'libtheora', '-q', '8', '-g', '8')),
    'prores_mov': Kind('.mov', encoded('-c:v', 'prores_ks', '-profile', '1'), insert=_EXTENSION),
    'dnxhr_mkv': Kind(
        '.mkv',
        encoded('-c:v', 'dnxhd', '-profile:v', 'dnxhr_sq', '-pix_fmt', 'yuv422p', shape=(128, 256, 3)),
        shape=(128, 256, 3),
    ),
    'wmv': Kind('.wmv', encoded('-c:v', 'wmv2', '-q', '3'), insert=_EXTENSION),
    'gif': Kind('.gif', encoded('-vf', 'split[a][b];[a]palettegen[p];[b][p]paletteuse'), insert=_EXTENSION),
    'mjpeg_avi': Kind('.avi', MJPEG),
    'mjpeg_mkv': Kind('.mkv', MJPEG),
    'mjpeg_uneven_mkv': Kind('.mkv', from_packets('mjpeg', {}, uneven, 'yuvj420p')),
    'png_avi': Kind('.avi', encoded('-c:v', 'png', '-pix_fmt', 'rgb24')),
    'png_16_bit_mkv': Kind('.mkv', encoded('-c:v', 'png', '-pix_fmt', 'rgb48be'), insert=_DEEP),
    'huffyuv_avi': Kind('.avi', encoded('-c:v', 'huffyuv')),
    'utvideo_avi': Kind('.avi', encoded('-c:v', 'utvideo', '-pix_fmt', 'gbrp')),
    'qtrle_mov': Kind('.mov', encoded('-c:v', 'qtrle', '-pix_fmt', 'rgb24'), insert=_EXTENSION),
    'zmbv_avi': Kind('.avi', encoded('-c:v', 'zmbv')),
    'raw_bgr_avi': Kind('.avi', encoded('-c:v', 'rawvideo', '-pix_fmt', 'bgr24')),
    'raw_422_avi': Kind('.avi', encoded('-c:v', 'rawvideo', '-pix_fmt', 'yuyv422')),
    'ffv1_gray_mkv': Kind('.mkv', FFV1),
    'ffv1_16_bit_mkv': Kind('.mkv', encoded('-c:v', 'ffv1', '-level', '3', '-pix_fmt', 'gray16le'), insert=_DEEP),
    'ffv1_10_bit_mkv': Kind('.mkv', encoded('-c:v', 'ffv1', '-level', '3', '-pix_fmt', 'yuv422p10le'), insert=_DEEP),
    'ffv1_alpha_mkv': Kind('.mkv', encoded('-c:v', 'ffv1', '-level', '3', '-pix_fmt', 'bgra')),
    # sizes and tracks
    'mjpeg_odd_size_avi': Kind('.avi', encoded('-c:v', 'mjpeg', '-q', '3', shape=(65, 97, 3)), shape=(65, 97, 3)),
    'h264_444_odd_size_mp4': Kind(
        '.mp4', encoded('-c:v', 'libx264', *B, '-pix_fmt', 'yuv444p', shape=(65, 97, 3)), shape=(65, 97, 3)
    ),
    'size_that_changes_mkv': Kind(
        '.mkv',
        joined(
            encoded('-c:v', 'libx264', *NO_B, count=12),
            encoded('-c:v', 'libx264', *NO_B, '-output_ts_offset', '0.48', count=12, first=12, shape=(96, 128, 3)),
        ),
        insert='96 x 128',
        save='has shape',
    ),
    'cover_mp4': Kind(
        '.mp4', lambda path: _with_picture(path, H264_B, '-map', '0', '-map', '1', '-disposition:v:1', 'attached_pic')
    ),
    'cover_mkv': Kind('.mkv', lambda path: _with_attachment(path, H264_B)),
    'thumbnail_first_mp4': Kind(
        '.mp4',
        lambda path: _with_picture(path, H264_B, '-map', '1', '-map', '0'),
        insert='2 video tracks',
        track='0:v:1',
    ),
    'thumbnail_first_mkv': Kind(
        '.mkv',
        lambda path: _with_picture(path, H264_B, '-map', '1', '-map', '0'),
        insert='2 video tracks',
        track='0:v:1',
    ),
    # damaged and cut off
    'damaged_h264_mp4': Kind(
        '.mp4', damaged(12)(H264), insert=_REFUSED, damaged=_DAMAGED, save='frames 12 to 15 cannot be read'
    ),
    'damaged_h264_b_frames_mkv': Kind(
        '.mkv', damaged(12)(H264_B), insert=_REFUSED, damaged=_DAMAGED, save='frames 12 to 15 cannot be read'
    ),
    'damaged_keyframe_mp4': Kind(
        '.mp4', damaged(8)(H264), insert=_REFUSED, damaged=_DAMAGED, save='frames 8 to 15 cannot be read'
    ),
    'damaged_hevc_mp4': Kind(
        '.mp4', damaged(10)(HEVC), insert=_REFUSED, damaged=_DAMAGED, save='frames 9, 11 to 15 cannot be read'
    ),
    'damaged_mpeg4_avi': Kind(
        '.avi', damaged(12)(MPEG4), insert=_REFUSED, damaged=_DAMAGED, save='frames 12 to 15 cannot be read'
    ),
    'damaged_mpeg4_b_frames_avi': Kind(
        '.avi', damaged(12)(MPEG4_B), insert=_REFUSED, save='frames 11 to 14 cannot be read'
    ),
    'damaged_mjpeg_avi': Kind(
        '.avi', damaged(12)(MJPEG), insert=_REFUSED, damaged=_DAMAGED, save='frame 12 cannot be read'
    ),
    'damaged_ffv1_mkv': Kind(
        '.mkv', damaged(12)(FFV1), insert=_REFUSED, damaged=_DAMAGED, save='frames 12 to 23 cannot be read'
    ),
    'damaged_ffv1_of_groups_mkv': Kind(
        '.mkv',
        damaged(10)(
            encoded('-c:v', 'ffv1', '-level', '3', '-slicecrc', '1', '-slices', '4', '-g', '8', '-pix_fmt', 'gray16le')
        ),
        insert='16 bits',
        save='frames 10 to 15 cannot be read',
    ),
    'ffv1_without_checksums_mkv': Kind(
        '.mkv', encoded('-c:v', 'ffv1', '-level', '3', '-slicecrc', '0', '-slices', '9')
    ),
    'ffv1_version_1_avi': Kind('.avi', encoded('-c:v', 'ffv1', '-level', '1', '-g', '8')),
    'damaged_png_avi': Kind(
        '.avi',
        damaged(12)(encoded('-c:v', 'png', '-pix_fmt', 'rgb24')),
        insert=_REFUSED,
        save='frame 12 cannot be read',
    ),
    'damaged_mpeg2_mkv': Kind(
        '.mkv',
        damaged(12)(encoded('-c:v', 'mpeg2video', '-bf', '2', '-g', '8', '-q', '3')),
        insert=_REFUSED,
        damaged=_DAMAGED,
        save='frames 11, 13 to 14 cannot be read',
    ),
    'damaged_vp9_mp4': Kind('.mp4', damaged(12)(VP9)),
    'damaged_vp8_mkv': Kind('.mkv', damaged(12)(encoded('-c:v', 'libvpx', '-b:v', '300k', '-g', '8'))),
    'damaged_av1_mp4': Kind('.mp4', damaged(12)(AV1), insert=_REFUSED, save='frames 12 to 15 cannot be read'),
    'damaged_theora_mkv': Kind('.mkv', damaged(12)(encoded('-c:v', 'libtheora', '-q', '8', '-g', '8'))),
    'cut_off_mp4': Kind('.mp4', edited(H264, cut(60)), insert='not a readable video', save='cannot be read as a video'),
    'cut_off_index_first_mp4': Kind(
        '.mp4',
        edited(encoded('-c:v', 'libx264', *B, '-movflags', 'faststart'), cut(70)),
        insert=_CUT_OFF,
        save='the file is cut off',
    ),
    'cut_off_fragmented_mp4': Kind(
        '.mp4',
        edited(encoded('-c:v', 'libx264', *NO_B, '-movflags', 'frag_keyframe+empty_moov'), cut(70)),
        insert=_CUT_OFF,
        save='the file is cut off',
    ),
    'cut_off_mkv': Kind('.mkv', edited(H264_B, cut(70)), insert=_CUT_OFF, damaged=_DAMAGED, save='the file is cut off'),
    'cut_off_avi': Kind('.avi', edited(MJPEG, cut(70)), insert=_CUT_OFF, damaged=_DAMAGED, save='the file is cut off'),
    'cut_off_b_frames_avi': Kind(
        '.avi', edited(MPEG4_B, cut(70)), insert=_CUT_OFF, damaged=_DAMAGED, save='the file is cut off'
    ),
    'cut_off_ts': Kind('.ts', edited(H264_B, cut(70)), insert=_EXTENSION, save='the file is cut off'),
}
KINDS |= {
    f'recipe_{name}': Kind(
        recipe.extension,
        from_recipe(recipe),
        shape=recipe.shape,
        frames=len(recipe.times),
        insert=_DEEP * (name in _DEEP_RECIPES),
    )
    for name, recipe in RECIPES.items()
    if len(recipe.times) < 100
}


def _with_picture(path, make, *options):
    film, picture = path.with_name('film' + path.suffix), path.with_name('picture.jpg')
    make(film)
    encoded('-frames:v', '1', '-update', '1', shape=(32, 96, 3), count=1)(picture)
    run('-i', film, '-i', picture, *options, '-c', 'copy', path)


def _with_attachment(path, make):
    film, picture = path.with_name('film.mkv'), path.with_name('cover.jpg')
    make(film)
    encoded('-frames:v', '1', '-update', '1', shape=(32, 96, 3), count=1)(picture)
    run('-i', film, '-attach', picture, '-metadata:s:t', 'mimetype=image/jpeg', '-c', 'copy', path)


# --- stores of them


def of_av1(path, shape, count, chunk):
    """-> path of a new store of colour whose chunks are AV1, which imgstore takes but does not write."""
    with imgstore.new_for_format('avc1/mp4', path, imgshape=(*shape, 3)) as store:
        for first in range(0, count, chunk):
            video, stop = path.with_name(f'from{first}.mp4'), min(count, first + chunk)
            encoded(*_AV1_OPTIONS, shape=(*shape, 3), count=stop - first, first=first)(video)
            store.insert_chunk(video, range(first, stop), [index / RATE for index in range(first, stop)])
    return path


# --- what the ffmpeg program shows


def shown(path, kind):
    """Images, upright, and times in seconds from the first, of the frames that the ffmpeg program shows."""
    decode = ['ffmpeg', '-hide_banner', '-nostdin', '-threads', '1']  # more make up damaged frames now so, now so
    done = subprocess.run(
        [
            *decode,
            '-i',
            str(path),
            '-map',
            kind.track,
            '-vf',
            'showinfo',
            '-fps_mode',
            'passthrough',
            '-f',
            'rawvideo',
            '-pix_fmt',
            'bgr24',
            '-',
        ],
        capture_output=True,
        check=False,
    )
    found = re.findall(r'pts_time:\s*(\S+).*? s:(\d+)x(\d+)', done.stderr.decode(errors='replace'))
    images, begin = [], 0
    for _, width, height in found:
        size = int(width) * int(height) * 3
        if begin + size <= len(done.stdout):
            images.append(np.frombuffer(done.stdout, np.uint8, size, begin).reshape(int(height), int(width), 3))
        begin += size
    times = [float(time) for time, _, _ in found[: len(images)]]
    images, times = images[-kind.frames :], times[-kind.frames :]
    return images, [time - times[0] for time in times]
