"""Checks of the pace, measured with synthetic cameras."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from imgstore.errors import InvalidArgumentError, StoreIOError
from imgstore.recording import PaceReport, check_rig, load_rig
from imgstore.recording.pace import pace_lines

from ..helpers.display import python_env
from ..helpers.raised import raises
from ..helpers.small_disks import can_mount, mount, unmount

pytestmark = pytest.mark.once


def check(tmp_path: Path, cameras: str, seconds: float = 1, rest: str = '') -> PaceReport:
    (tmp_path / 'rig.yaml').write_text(f'folder: deep/er/{{date}}\nformat: npy\n{rest}\ncameras:\n{cameras}')
    report = check_rig(load_rig(tmp_path / 'rig.yaml'), seconds)
    assert os.listdir(tmp_path) == ['rig.yaml']  # nothing stays
    return report


def test_each_part_has_its_headroom(tmp_path: Path) -> None:
    report = check(tmp_path, '  a: "test:320x240,fps=20"\n  b: {source: "test:96x32", fps: 40, format: png}')
    assert report.problems == ()
    assert report.keeps_pace
    a, b = report.cameras
    assert (a.missing, b.missing) == (0, 0)
    assert 15 <= a.frames <= 25
    assert 19 < (a.fps or 0) < 21
    assert 39 < (b.fps or 0) < 41
    rooms = [a.capture, a.copy, b.capture, b.copy, report.encode, report.disk]
    assert all(room is not None and room > 1 for room in rooms)
    raw_bytes = 320 * 240 * 20 * 3600
    assert 0.95 * raw_bytes < (report.bytes_per_hour or 0) < 1.5 * raw_bytes
    assert (report.hours_left or 0) > 0
    assert {'npy', 'avc1/mp4', 'mjpeg/avi', 'png'} <= {each.format for each in report.formats}
    assert any(each.options == {'preset': 'ultrafast'} for each in report.formats)
    fastest = [each.headroom for each in report.formats]
    assert fastest == sorted(fastest, reverse=True)
    lines = pace_lines(report)
    assert lines[0].startswith('a: ')
    assert [line.partition(':')[0] for line in lines[2:5]] == ['encode', 'disk', 'formats that keep the pace']


@pytest.mark.parametrize(
    ('camera', 'problem'),
    [
        ('{source: "test:64x48,fps=50,unplug=10"}', 'a: the camera was unplugged'),
        ('{source: "test:64x48,fps=50,drop=3-5"}', '3 missing (3 in the camera)'),
        ('{source: "test:64x48,fps=50,unplug=0"}', 'a: the camera was unplugged'),
    ],
)
def test_what_went_wrong_is_a_problem(camera: str, problem: str, tmp_path: Path) -> None:
    report = check(tmp_path, f'  a: {camera}')
    assert not report.keeps_pace
    assert problem in ' '.join(report.problems)


def test_a_format_that_is_too_slow_is_a_problem(tmp_path: Path) -> None:
    report = check(
        tmp_path,
        '  a: {source: "test:1280x1024,buffers=100000", fps: 150, format: png, options: {compression: 9}}',
        rest='buffer_bytes: 20000000',
    )
    assert (report.encode or 9) < 1
    assert not report.keeps_pace
    assert any(problem.startswith('encode has 0.') for problem in report.problems)
    slow = next(each for each in report.formats if each.format == 'png')
    assert slow.headroom < 1


def test_the_folder_of_a_killed_check_is_removed_by_the_next_one(tmp_path: Path) -> None:
    """That of a check that runs stays."""
    (tmp_path / 'rig.yaml').write_text('folder: data\nformat: npy\ncameras: {a: "test:96x32,fps=50"}')
    code = """
        import sys
        from imgstore.recording import check_rig, load_rig
        print(check_rig(load_rig(sys.argv[1]), float(sys.argv[2])).seconds)
    """
    command = [sys.executable, '-c', textwrap.dedent(code), str(tmp_path / 'rig.yaml')]
    with subprocess.Popen([*command, '60'], env=python_env(), stdout=-1) as killed:
        left = wait_for_check(tmp_path)
        assert check_rig(load_rig(tmp_path / 'rig.yaml'), 0.2).keeps_pace
        assert folders_of_checks(tmp_path) == left
        killed.kill()
    assert folders_of_checks(tmp_path) == left
    assert check_rig(load_rig(tmp_path / 'rig.yaml'), 0.2).keeps_pace
    assert folders_of_checks(tmp_path) == []


def folders_of_checks(folder: Path) -> list[Path]:
    """The temporary folders of checks."""
    return sorted(folder.glob('.imgstore-check-*'))


def wait_for_check(folder: Path) -> list[Path]:
    """Wait until a check records."""
    end = time.monotonic() + 30
    while not list(folder.glob('.imgstore-check-*/recording/a/*/*.npy')):
        assert time.monotonic() < end
        time.sleep(0.02)
    return folders_of_checks(folder)


if can_mount():

    @pytest.mark.parametrize('kilobytes', [8, 300])
    def test_a_full_disk_is_named(kilobytes: int, tmp_path: Path) -> None:
        """Whether the folder of the check does not fit, or the frames do not."""
        disk = tmp_path / 'disk'
        disk.mkdir()
        assert mount(disk, kilobytes)
        try:
            (tmp_path / 'rig.yaml').write_text(f'folder: {disk}/r\nformat: npy\ncameras: {{a: "test:320x240,fps=50"}}')
            if kilobytes == 8:
                (disk / 'other').write_bytes(bytes(8192))
                with raises(StoreIOError, path=str(disk)) as caught:
                    check_rig(load_rig(tmp_path / 'rig.yaml'), 0.5)
                text = str(caught.value)
            else:
                text = ' '.join(check_rig(load_rig(tmp_path / 'rig.yaml'), 0.5).problems)
            assert 'No space left on device' in text
            assert str(disk) in text
            assert folders_of_checks(disk) == []
        finally:
            unmount(disk)


def test_a_setting_that_is_refused_has_its_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        check(tmp_path, '  a: {source: "test:64x48", pixel_format: Mono9}')
    assert 'line 5, cameras.a.pixel_format: ' in str(caught.value)
