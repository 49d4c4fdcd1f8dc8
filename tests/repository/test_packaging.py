"""What is said in several places agrees, and the wheel carries what it should and no more."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from email.parser import Parser
from importlib import import_module
from pathlib import Path
from runpy import run_path

import pytest
import yaml
from packaging.requirements import Requirement

import imgstore
from imgstore.apps.commands import COMMANDS, DISPATCHER

from . import REPOSITORY

CONDA_NAMES = {'opencv-python': 'py-opencv', 'xxhash': 'python-xxhash'}
SCRIPTS = {'imgstore': DISPATCHER, **{command.script: command.target for command in COMMANDS}}
IN_CONDA = ['', 'bloscpack', 'tiff', 'web']  # extras whose packages environment.yaml has


@pytest.fixture(scope='module')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel of a copy of the repository, since a build leaves files behind."""
    home = tmp_path_factory.mktemp('wheel')
    left_out = shutil.ignore_patterns('.*', '*.egg-info', 'build', 'dist', '__pycache__')
    shutil.copytree(REPOSITORY, home / 'copy', ignore=left_out)
    build: list[str | Path] = [
        sys.executable,
        '-m',
        'pip',
        'wheel',
        '--quiet',
        '--no-deps',
        '--wheel-dir',
        home,
        home / 'copy',
    ]
    subprocess.run(build, check=True)
    return zipfile.ZipFile(next(home.glob('*.whl')))


def in_dist_info(wheel: zipfile.ZipFile, name: str) -> str:
    path = next(path for path in wheel.namelist() if path.endswith(f'.dist-info/{name}'))
    return wheel.read(path).decode()


def requirements(wheel: zipfile.ZipFile, extra: str) -> list[Requirement]:
    """What the package or an extra of it needs on Linux."""
    everything = map(Requirement, Parser().parsestr(in_dist_info(wheel, 'METADATA')).get_all('Requires-Dist', []))
    if not extra:
        return [need for need in everything if need.marker is None]
    return [need for need in everything if need.marker is not None and need.marker.evaluate({'extra': extra})]


@pytest.mark.process
def test_the_wheel_has_the_packages_version_and_python(wheel: zipfile.ZipFile) -> None:
    metadata = Parser().parsestr(in_dist_info(wheel, 'METADATA'))
    assert metadata['Name'] == 'imgstore'
    assert metadata['Version'] == imgstore.__version__ == '1.0.0.dev0'
    assert metadata['Requires-Python'] == '>=3.11'


def test_setup_names_required_python_on_an_older_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """On an older Python, setup.py names the version that it needs."""
    monkeypatch.setattr(sys, 'version_info', (3, 10, 13, 'final', 0))
    with pytest.raises(SystemExit, match=r'^imgstore needs Python 3\.11 or later, and this is Python 3\.10$'):
        run_path(str(REPOSITORY / 'setup.py'))


@pytest.mark.process
def test_conda_gets_the_same_packages_and_floors_as_pip(wheel: zipfile.ZipFile) -> None:
    environment = yaml.safe_load((REPOSITORY / 'environment.yaml').read_text())
    assert environment['channels'] == ['conda-forge']
    needs = [need for extra in IN_CONDA for need in requirements(wheel, extra)]
    pip = {f'{CONDA_NAMES.get(need.name, need.name)}{need.specifier}' for need in needs}
    assert set(environment['dependencies']) == pip | {'python>=3.11', 'pip'}


@pytest.mark.process
def test_every_requirement_of_the_package_has_a_floor(wheel: zipfile.ZipFile) -> None:
    assert all(str(need.specifier).startswith('>=') for extra in IN_CONDA for need in requirements(wheel, extra))


@pytest.mark.process
def test_the_extra_for_tests_brings_the_other_extras_too(wheel: zipfile.ZipFile) -> None:
    for extra in ('bloscpack', 'parquet', 'zarr', 'web'):
        assert set(requirement_names(wheel, extra)) <= set(requirement_names(wheel, 'test'))


def requirement_names(wheel: zipfile.ZipFile, extra: str) -> list[str]:
    return [need.name for need in requirements(wheel, extra)]


@pytest.mark.process
def test_every_entry_point_is_there(wheel: zipfile.ZipFile) -> None:
    """The command lines, and what xarray, napari and sleap-io look for; the last two are not installed here."""
    points = ConfigParser()
    points.read_string(in_dist_info(wheel, 'entry_points.txt'))
    groups = {*points.sections()}
    assert groups == {
        'console_scripts',
        'imgstore.cameras',
        'napari.manifest',
        'sleap_io.video_backends',
        'xarray.backends',
    }
    assert dict(points['console_scripts']) == SCRIPTS
    assert dict(points['napari.manifest']) == {'imgstore': 'imgstore:napari.yaml'}
    assert 'imgstore/napari.yaml' in wheel.namelist()
    for group in groups - {'napari.manifest'}:
        for target in points[group].values():
            module, name = target.split(':')
            if group == 'sleap_io.video_backends':
                assert f'\nclass {name}(' in (REPOSITORY / f'{module.replace(".", "/")}.py').read_text()
            else:
                assert callable(getattr(import_module(module), name))


@pytest.mark.process
def test_the_wheel_carries_every_module_and_the_tests(wheel: zipfile.ZipFile) -> None:
    modules = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / 'imgstore').rglob('*.py')}
    tests = {
        shipped_as(path)
        for path in (REPOSITORY / 'tests').rglob('*.py')
        if path.parent not in {REPOSITORY / 'tests' / name for name in ('cameras', 'interop', 'programs', 'repository')}
    }
    assert {name for name in wheel.namelist() if name.endswith('.py')} == modules | tests


@pytest.mark.process
def test_the_wheel_carries_type_hints_and_data(wheel: zipfile.ZipFile) -> None:
    beside = {
        path
        for folder in ('imgstore', 'tests/data')
        for path in (REPOSITORY / folder).rglob('*')
        if path.is_file() and path.suffix not in {'.py', '.pyc'}
    }
    shipped = {shipped_as(path) for path in beside}
    assert 'imgstore/py.typed' in shipped
    assert shipped <= set(wheel.namelist())


def shipped_as(path: Path) -> str:
    return re.sub('^tests/', 'imgstore/tests/', path.relative_to(REPOSITORY).as_posix())


def test_the_changelog_begins_with_this_version() -> None:
    headings = re.findall(r'^## (\S+)', (REPOSITORY / 'CHANGELOG.md').read_text(encoding='utf-8'), re.MULTILINE)
    assert headings[0] == imgstore.__version__


def test_the_citation_names_this_version() -> None:
    citation = yaml.safe_load((REPOSITORY / 'CITATION.cff').read_text())
    assert citation['version'] == imgstore.__version__


@pytest.mark.parametrize('name', ['damaged-recording', 'wrong-frame'])
def test_a_template_of_an_issue_asks_for_commands_that_exist(name: str) -> None:
    template = yaml.safe_load((REPOSITORY / '.github' / 'ISSUE_TEMPLATE' / f'{name}.yml').read_text())
    labels = [part['attributes'].get('label', '') for part in template['body']]
    commands = [label.removeprefix('Output of: ').split()[0] for label in labels if label.startswith('Output of: ')]
    assert commands
    assert set(commands) <= set(SCRIPTS)


@pytest.mark.process
def test_every_place_promises_the_same_lowest_python(wheel: zipfile.ZipFile) -> None:
    promised = Parser().parsestr(in_dist_info(wheel, 'METADATA'))['Requires-Python'].removeprefix('>=')
    text = {
        name: (REPOSITORY / name).read_text() for name in ('README.md', '.ci/run', '.ci/shared.sh', 'pyproject.toml')
    }
    assert f'Python {promised} or later' in text['README.md']
    assert f'Needs Python {promised}' in text['.ci/run']
    assert f'sys.version_info >= ({promised.replace(".", ", ")})' in text['.ci/shared.sh']
    assert f'target-version = "py{promised.replace(".", "")}"' in text['pyproject.toml']
    everywhere = [*REPOSITORY.glob('*.md'), *(REPOSITORY / 'docs').glob('*.md')]
    versions = re.findall(r'Python (3\.\d+) or later', ''.join(path.read_text() for path in everywhere))
    assert set(versions) == {promised}


def test_ci_installs_the_debian_packages_that_the_readme_names() -> None:
    ci = set(re.findall(r'^packages=\((.*?)\)', (REPOSITORY / '.ci/run').read_text(), re.MULTILINE)[0].split())
    (command,) = re.findall(r'^sudo apt-get install (.+)$', (REPOSITORY / 'README.md').read_text(), re.MULTILINE)
    assert set(command.split()) <= ci
    assert {'libgl1', 'libglib2.0-0', 'ffmpeg'} <= ci


def test_every_step_of_the_full_check_is_described() -> None:
    full = (REPOSITORY / '.ci/full').read_text()
    (steps,) = re.findall(r'^steps=\((.*?)\)', full, re.MULTILINE)
    assert all(f'of_{step}() {{' in full for step in steps.split())
    table = re.findall(r'^\| `(\w+)` \|', (REPOSITORY / 'CONTRIBUTING.md').read_text(), re.MULTILINE)
    assert set(steps.split()) <= set(table)


def test_coverage_of_branches_is_demanded() -> None:
    settings = tomllib.loads((REPOSITORY / 'pyproject.toml').read_text())['tool']['coverage']
    assert settings['run']['branch']
    assert settings['report']['fail_under'] >= 95
    assert 'coverage report' in (REPOSITORY / '.ci/full').read_text()
