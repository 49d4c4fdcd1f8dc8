"""The house stays as it was built: imports go down, modules stay short, nothing names the machine it was written on."""

import ast
import inspect
import re
import textwrap
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from imgstore import DirectoryImgStore, VideoImgStore
from imgstore.index import ImgStoreIndex

from . import REPOSITORY

ROWS = re.findall(r'^\| (\d+) \| (.*?) \|', (REPOSITORY / 'CONTRIBUTING.md').read_text(encoding='utf-8'), re.MULTILINE)
FLOOR = {part: int(floor) for floor, parts in ROWS for part in re.findall('`(\\w+)/?`', parts)}
"""The floor of each part of the package, as the table in CONTRIBUTING.md has it."""

LONGEST_MODULE = 400  # lines
LONGEST_FIRST_LINE = 75  # characters
SOURCES = sorted((REPOSITORY / 'imgstore').rglob('*.py'))
FOREIGN = re.compile(r'/work/|/tmp/|/home/|/root/|/Users/|C:\\\\')


def name_of(path: Path) -> str:
    """The module's name less the package's own: 'chunks.images', '' for imgstore/__init__.py."""
    return '.'.join(path.relative_to(REPOSITORY / 'imgstore').with_suffix('').parts).removesuffix('__init__').strip('.')


MODULES = {name_of(path): path for path in SOURCES}


def imported_by(module: str) -> set[str]:
    """The package's own modules that a module imports, wherever in it the import stands."""
    package = ['imgstore', *module.split('.')] if module else ['imgstore']
    if MODULES[module].name != '__init__.py':
        package = package[:-1]
    names: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = '.'.join([*above, *([node.module] if node.module else [])])
            names.update(f'{origin}.{alias.name}' for alias in node.names)
    return {found for name in names if (found := own_module(name)) is not None} - {module}


def own_module(dotted: str) -> str | None:
    """The own module behind 'imgstore.chunks.images.image_folder.ImageChunk', or None."""
    parts = dotted.split('.')
    if parts[0] != 'imgstore':
        return None
    known = ('.'.join(parts[1:end]) for end in range(len(parts), 0, -1))
    return next(name for name in known if name in MODULES)


def part(module: str) -> str:
    """The module at the top, or the folder, that a module is of."""
    return module.split('.')[0] or '__init__'


@pytest.mark.parametrize('module', MODULES)
def test_every_module_has_its_floor(module: str) -> None:
    assert part(module) in FLOOR


def test_every_floor_is_there() -> None:
    assert set(FLOOR) == {part(module) for module in MODULES}


@pytest.mark.parametrize('module', MODULES)
def test_module_imports_only_lower_layers_or_own_folder(module: str) -> None:
    """A module imports only from lower layers and from its own folder."""
    above = {
        other
        for other in imported_by(module)
        if part(other) != part(module) and FLOOR[part(other)] >= FLOOR[part(module)]
    }
    assert not above


def test_no_import_goes_round() -> None:
    graph = {module: imported_by(module) - {part(module)} for module in MODULES}
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_the_old_names_in_util_are_for_users_alone() -> None:
    assert not [module for module in MODULES if module != 'util' and 'util' in imported_by(module)]


@pytest.mark.parametrize('module', [name for name in MODULES if FLOOR[part(name)] > FLOOR['stores']])
def test_above_the_core_nothing_private_of_a_store_is_touched(module: str) -> None:
    assert not private_names_in(MODULES[module].read_text(encoding='utf-8')) & PRIVATE_OF_STORES


@pytest.mark.parametrize(
    'line',
    [
        'store._index',
        'self.store._reader.at(0)',
        'frames.store.index._segments',
        "getattr(store, '_format')",
        'a = store._get_chunk_metadata',
        'store._writer = 1',
    ],
)
def test_touching_something_private_of_a_store_is_noticed(line: str) -> None:
    assert private_names_in(line) & PRIVATE_OF_STORES


def private_names_in(source: str) -> set[str]:
    """The attributes with an underscore that a module takes of anything but its own objects."""
    nodes = list(ast.walk(ast.parse(source)))
    names = {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute)
        and not (isinstance(node.value, ast.Name) and node.value.id in {'self', 'cls'})
    }
    asked = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func).endswith('attr')]
    names |= {
        arg.value for node in asked for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
    }
    return {name for name in names if name.startswith('_') and not name.endswith('__')}


def own_private_names(kind: type) -> set[str]:
    """The names with an underscore that a class and its bases define, those too that they give their objects."""
    sources = [textwrap.dedent(inspect.getsource(base)) for base in kind.__mro__ if base is not object]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) == 'self'}
    names |= set(dir(kind))
    return {name for name in names if name.startswith('_') and not name.endswith('__')}


PRIVATE_OF_STORES = set().union(*map(own_private_names, (VideoImgStore, DirectoryImgStore, ImgStoreIndex)))


@pytest.mark.parametrize('module', MODULES)
def test_a_module_is_short_enough_to_read(module: str) -> None:
    assert len(MODULES[module].read_text(encoding='utf-8').splitlines()) < LONGEST_MODULE


@pytest.mark.parametrize('module', MODULES)
def test_the_first_line_of_a_docstring_is_short(module: str) -> None:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = ast.walk(ast.parse(MODULES[module].read_text(encoding='utf-8')))
    firsts = [(ast.get_docstring(node) or '').partition('\n')[0] for node in nodes if isinstance(node, documented)]
    assert [first for first in firsts if len(first) > LONGEST_FIRST_LINE] == []


@pytest.mark.parametrize('folder', ['imgstore', 'examples', 'docs', '.ci'])
def test_no_file_names_the_machine_it_was_written_on(folder: str) -> None:
    files = [path for path in (REPOSITORY / folder).rglob('*') if path.suffix in {'', '.py', '.md'} and path.is_file()]
    assert not [path for path in files if FOREIGN.search(path.read_text(encoding='utf-8'))]


def test_one_function_opens_containers() -> None:
    calls = {name for name, path in MODULES.items() if 'av.open(' in path.read_text(encoding='utf-8')}
    assert calls == {'chunks.video.container_checks'}
    assert MODULES['chunks.video.container_checks'].read_text(encoding='utf-8').count('av.open(') == 1


def test_tests_import_each_other_relatively() -> None:
    """The name `tests` is that of a checkout; installed, they are `imgstore.tests`."""
    absolute = re.compile(r'^\s*(?:from|import) tests\b', re.MULTILINE)
    paths = (REPOSITORY / 'tests').rglob('*.py')
    assert [path.name for path in paths if absolute.search(path.read_text(encoding='utf-8'))] == []
