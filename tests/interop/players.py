"""Open videos with one of the programs that people use, and tell what it says of each: one JSON object a line.

Usage: python players.py READER FILE...
Runs in the environment that has the reader. Needs numpy.
"""

import json
import subprocess
import sys

import numpy as np

PATCHES_ACROSS, PATCHES_DOWN = 4, 2
COLOURS = (
    (40, 60, 200),
    (200, 70, 50),
    (60, 180, 70),
    (128, 128, 128),
    (30, 200, 210),
    (210, 60, 190),
    (20, 20, 20),
    (235, 235, 235),
)  # BGR


def picture(index, shape):
    """Make an image of eight patches; the last one has the frame's index as stripes of dark and bright."""
    colours = np.array(COLOURS, int)
    colours = colours.mean(axis=1).round() if len(shape) == 2 else colours
    image = np.empty(shape, np.uint8)
    height, width = shape[0] // PATCHES_DOWN, shape[1] // PATCHES_ACROSS
    for place, colour in enumerate(colours):
        down, across = divmod(place, PATCHES_ACROSS)
        image[down * height : (down + 1) * height, across * width : (across + 1) * width] = colour
    stripe = width // 8
    for bit in range(8):
        left = (PATCHES_ACROSS - 1) * width + bit * stripe
        image[height:, left : left + stripe] = 220 if index >> bit & 1 else 30
    return image


def seen(image):
    """Tell what is in an image: its index, and the mean BGR of each of the patches but the last."""
    image = np.asarray(image, float)
    height, width = image.shape[0] // PATCHES_DOWN, image.shape[1] // PATCHES_ACROSS
    inner = [
        _inside(image, down * height, across * width, height, width)
        for down in range(PATCHES_DOWN)
        for across in range(PATCHES_ACROSS)
    ][:-1]
    stripe, left = width // 8, (PATCHES_ACROSS - 1) * width
    bits = [_inside(image, height, left + bit * stripe, height, stripe) for bit in range(8)]
    return {
        'index': sum(int(part.mean() > 125) << bit for bit, part in enumerate(bits)),
        'colours': [[round(float(part[..., channel].mean()), 2) for channel in range(3)] for part in inner],
    }


def _inside(image, top, left, height, width):
    return image[top + height // 4 : top + height - height // 4, left + width // 4 : left + width - width // 4]


def by_opencv(path):
    import cv2

    video = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    frames, rate = int(video.get(cv2.CAP_PROP_FRAME_COUNT)), video.get(cv2.CAP_PROP_FPS)
    first = seen(video.read()[1])
    if frames > 1:  # which it does not seek in
        video.set(cv2.CAP_PROP_POS_FRAMES, frames - 1)
    last = seen(video.read()[1]) if frames > 1 else first
    return {'frames': frames, 'rate': rate, 'duration': frames / rate, 'first': first, 'last': last}


def _probe(path):
    command = [
        'ffprobe',
        '-v',
        'error',
        '-count_packets',
        '-select_streams',
        'v',
        '-of',
        'json',
        '-show_entries',
        'stream=nb_read_packets,avg_frame_rate,r_frame_rate,width,height:format=duration',
        path,
    ]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return told['streams'][0], float(told['format']['duration'])


def _ratio(text):
    above, below = text.split('/')
    return int(above) / int(below)


def by_ffprobe(path):
    stream, duration = _probe(path)
    return {
        'frames': int(stream['nb_read_packets']),
        'rate': _ratio(stream['avg_frame_rate']),
        'duration': duration,
        'other rate': _ratio(stream['r_frame_rate']),
    }


def by_ffmpeg(path):
    stream, _ = _probe(path)
    frames, shape = int(stream['nb_read_packets']), (stream['height'], stream['width'], 3)
    command = [
        'ffmpeg',
        '-v',
        'error',
        '-i',
        path,
        '-vf',
        f'select=eq(n\\,0)+eq(n\\,{frames - 1})',
        '-vsync',
        '0',
        '-f',
        'rawvideo',
        '-pix_fmt',
        'bgr24',
        '-',
    ]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    images = np.frombuffer(data, np.uint8).reshape(-1, *shape)
    return {'frames': frames, 'first': seen(images[0]), 'last': seen(images[-1])}


def by_decord(path):
    import decord

    video = decord.VideoReader(path)
    frames, rate = len(video), video.get_avg_fps()
    first, last = (seen(video[index].asnumpy()[..., 2::-1]) for index in (0, frames - 1))
    return {'frames': frames, 'rate': rate, 'duration': frames / rate, 'first': first, 'last': last}


def by_pims(path):
    import pims

    video = pims.Video(path)
    frames, rate = len(video), float(video.frame_rate)
    first, last = (seen(np.asarray(video[index])[..., ::-1]) for index in (0, frames - 1))
    return {'frames': frames, 'rate': rate, 'duration': frames / rate, 'first': first, 'last': last}


READERS = {'opencv': by_opencv, 'ffprobe': by_ffprobe, 'ffmpeg': by_ffmpeg, 'decord': by_decord, 'pims': by_pims}


def main(reader, paths):
    for path in paths:
        try:
            told = READERS[reader](path)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with one video is a finding about that video
            told = {'error': f'{type(error).__name__}: {error}'}
        print(json.dumps(told), flush=True)


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2:])
