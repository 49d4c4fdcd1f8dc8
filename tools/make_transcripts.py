"""Fills docs/command-lines.md: tables of options and keys from the commands themselves, transcripts by running them.

Usage: python tools/make_transcripts.py

A block of the page begins with <!-- options NAME -->, <!-- keys view -->,
<!-- exit codes --> or <!-- transcript NAME -->, and ends with
<!-- end -->.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

import imgstore
from imgstore.apps._cli import EXIT_CODES
from imgstore.apps.commands import COMMANDS
from imgstore.viewers.window.key_bindings import BINDINGS

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / 'docs' / 'command-lines.md'
IMAGES = REPOSITORY / 'docs' / 'images'
BLOCK = re.compile(r'(?P<begin><!-- (?P<kind>\w+) (?P<name>\w+) -->\n).*?(?P<end><!-- end -->)', re.DOTALL)

SESSION = {
    'save': ['imgstore save --format avc1/mp4 --metadata subject=A7 video.mp4 video-store'],
    'info': [
        'imgstore info recording',
        'imgstore info --json recording | grep -o \'"missing_numbers": [0-9]*\' | head -1',
    ],
    'export': [
        'imgstore export --from-seconds 7 --to-seconds 17 --audio sound.wav --subtitles temperature recording part.mp4',
        'imgstore export --from-number 300 --to-number 304 --status-bar recording images',
        'ls images',
        'imgstore export recording table.csv',
        'head -3 table.csv',
    ],
    'convert': [
        'imgstore convert --estimate --format jpg --format png --format ffv1/mkv recording',
        'imgstore convert --format jpg recording recording-jpg',
    ],
    'index': ['imgstore index recording-jpg'],
    'verify': [
        'imgstore verify --manifest manifest-sha256.txt recording',
        'sha256sum -c manifest-sha256.txt | tail -1',
    ],
    'reindex': ['imgstore reindex triggered'],
    'repair': ['imgstore repair --dry-run killed', 'imgstore repair killed'],
    'test': ['imgstore test --doctor'],
    'story': [
        'imgstore save --format avc1/mp4 video.mp4 recorded',
        'imgstore info recorded',
        'imgstore export --from-seconds 7 --to-seconds 17 --audio video.mp4 recorded around.mp4',
    ],
}
"""What is typed for each transcript, in this order, in a folder that has what `prepare` makes."""


def prepare(folder: Path) -> None:
    make_video(folder / 'video.mp4')
    make_sound(folder / 'sound.wav')
    with imgstore.new_for_format(
        'avc1/mp4',
        folder / 'recording',
        imgshape=(480, 640),
        chunksize=250,
        metadata={'subject': 'A7', 'exposure': 0.008},
    ) as store:
        for number in range(750):
            if number not in (301, 302, 303):
                store.add_image(picture(number)[..., 1], number, 1772362800 + number / 25)
            if number % 25 == 0:
                store.add_extra_data(temperature=21.5 + number / 1000, lever=number > 400)
    with imgstore.new_for_format('npy', folder / 'triggered', imgshape=(48, 64)) as store:
        for index, number in enumerate([81, 82, 83, 0, 1, 2, 3, 4]):
            store.add_image(np.zeros((48, 64), np.uint8), number, 1772362800 + index / 25)
    with imgstore.new_for_format('avc1/mp4', folder / 'open', imgshape=(480, 640), workers=0) as store:
        for number in range(40):
            store.add_image(picture(number)[..., 1], number, 1772362800 + number / 25)
        shutil.copytree(folder / 'open', folder / 'killed')  # what is there of it if its writer ends now


def picture(number: int) -> np.ndarray:
    """Draw a bright disc on its way round."""
    y, x = np.mgrid[:480, :640]
    middle = 240 + 150 * np.sin(number / 40), 320 + 150 * np.cos(number / 40)
    disc = (y - middle[0]) ** 2 + (x - middle[1]) ** 2 < 50**2
    return np.dstack([np.where(disc, level, 60).astype(np.uint8) for level in (90, 220, 240)])


def tone(seconds: float) -> np.ndarray:
    """Make a short tone each second, (1, n) at 48000 samples per second."""
    at = np.arange(round(seconds * 48000)) / 48000
    return (np.sin(2 * np.pi * 880 * at) * (at % 1 < 0.1) * 12000).astype(np.int16)[None]


def make_video(path: Path) -> None:
    """Make a video of 20 s with sound, without the frames of 0.2 s."""
    with av.open(str(path), 'w') as container:
        container.metadata['creation_time'] = '2026-03-01T11:00:00Z'
        stream = container.add_stream('libx264', rate=25)
        stream.height, stream.width, stream.pix_fmt = 480, 640, 'yuv420p'
        stream.codec_context.time_base = Fraction(1, 25)
        sound = container.add_stream('aac', rate=48000, layout='mono')
        for number in [n for n in range(500) if n not in range(299, 304)]:
            frame = av.VideoFrame.from_ndarray(picture(number), format='bgr24')
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        frame = av.AudioFrame.from_ndarray(tone(20), format='s16', layout='mono')
        frame.sample_rate, frame.pts = 48000, 0
        container.mux(sound.encode(frame))
        for each in (stream, sound):
            container.mux(each.encode(None))


def make_sound(path: Path) -> None:
    with wave.open(str(path), 'wb') as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48000)
        file.writeframes(tone(30).tobytes())


def new_environment(folder: Path) -> dict[str, str]:
    """One in which `imgstore` is this package's."""
    run = 'import sys; from imgstore.apps.dispatch import main; sys.exit(main())'
    script = folder / 'imgstore'
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -W ignore -c "{run}" "$@"\n')
    script.chmod(0o755)
    path = f'{folder}{os.pathsep}{os.environ["PATH"]}'
    return {**os.environ, 'PYTHONPATH': str(REPOSITORY), 'PATH': path, 'TZ': 'UTC'}


def transcribe(commands: list[str], folder: Path, environment: dict[str, str]) -> str:
    lines = []
    for command in commands:
        done = subprocess.run(
            ['bash', '-c', command],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
        lines += [f'$ {command}', done.stdout.rstrip()]
    return '```text\n' + '\n'.join(line for line in lines if line) + '\n```\n'


def options_table(name: str) -> str:
    """Make a row for each option and argument peculiar to a command."""
    parser = next(command for command in COMMANDS if command.name == name).parser()
    rows = [
        f'| {usage(action)} | {explanation(parser, action)} |'
        for action in parser._actions
        if action.dest not in ('help', 'verbose', 'quiet')
    ]
    return '\n'.join(['| option | meaning |', '|---|---|', *rows]) + '\n'


def exit_codes_table() -> str:
    """Make a row for each exit code."""
    rows = [f'| {int(code)} | {meaning} |' for code, meaning in EXIT_CODES.items()]
    return '\n'.join(['| code | meaning |', '|---|---|', *rows]) + '\n'


def keys_table() -> str:
    """Make a row for each action of a key in the window of imgstore-view."""
    rows = [f'| {binding.shown} | {binding.what} |' for binding in BINDINGS]
    return '\n'.join(['| key | what it does |', '|---|---|', *rows]) + '\n'


def usage(action: argparse.Action) -> str:
    value = '' if action.nargs == 0 else action.metavar or action.dest.upper()
    return f'`{" ".join(filter(None, ["/".join(action.option_strings), value]))}`'.replace('|', '\\|')


def explanation(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    text = (action.help or '') % {'default': action.default, 'prog': parser.prog}
    choices = '' if action.choices is None or action.dest == 'format' else f': {", ".join(map(str, action.choices))}'
    return (text + choices).replace('|', '\\|')


def filled(page: str, contents: dict[tuple[str, str], str]) -> str:
    """Fill the blocks of the page with these contents."""
    return BLOCK.sub(lambda block: block['begin'] + contents[block['kind'], block['name']] + block['end'], page)


def main() -> None:
    page = PAGE.read_text(encoding='utf-8')
    contents = {('options', command.name): options_table(command.name) for command in COMMANDS}
    contents['keys', 'view'] = keys_table()
    contents['exit', 'codes'] = exit_codes_table()
    with tempfile.TemporaryDirectory() as work, tempfile.TemporaryDirectory() as scripts:
        environment = new_environment(Path(scripts))
        prepare(Path(work))
        for name, commands in SESSION.items():
            contents['transcript', name] = transcribe(commands, Path(work), environment)
        IMAGES.mkdir(exist_ok=True)
        plot = IMAGES / 'intervals.png'
        transcribe([f'imgstore info --overwrite --plot {plot} recording'], Path(work), environment)
    PAGE.write_text(filled(page, contents), encoding='utf-8')


if __name__ == '__main__':
    main()
