"""Errors and warnings: one tree, attributes that last, and the line of the user's program."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
import shutil
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore import errors, new_for_filename, new_for_format
from imgstore._support.warn import warn

from .helpers.checked import not_none
from .helpers.raised import raises, warns

KINDS = {name: getattr(errors, name) for name in errors.__all__}
ERRORS = [kind for kind in KINDS.values() if issubclass(kind, errors.ImgStoreError)]
FIELDS = {
    'store': '/data/s',
    'chunk': 3,
    'index_in_chunk': 4,
    'frame_index': 34,
    'frame_number': 35,
    'path': '/data/s/000003.mp4',
    'reason': 'it is gone',
    'argument': 'path',
}
DAMAGED = errors.CorruptFileError('x.npz is damaged', path='x.npz')
WARNINGS = [
    errors.ImgStoreWarning('something'),
    errors.ChunkSkippedWarning('/data/s', 3, 'it has no index'),
    errors.ChunkSkippedWarning('/data/s', 3, DAMAGED),
    errors.ColorLostWarning('mjpeg'),
    errors.DamagedJournalWarning('/data/s/000003.journal', 3, (1, 2)),
    errors.ExtraDataSkippedWarning([DAMAGED]),
    errors.FramesDelayedWarning(2),
    errors.LockTakenOverWarning('/data/s'),
    errors.StreamChosenWarning('film.mkv', 2, 1, (64, 48)),
    errors.UnverifiedWarning('/data/s', 3, 'it is damaged'),
]


def fields_of(told: BaseException) -> dict[str, Any]:
    return {
        name: [str(item) for item in value] if name == 'errors' else str(value) for name, value in vars(told).items()
    }


def copies_of(told: BaseException) -> list[BaseException]:
    return [
        copy.copy(told),
        copy.deepcopy(told),
        *(pickle.loads(pickle.dumps(told, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),  # noqa: S301
    ]


def test_all_are_exported() -> None:
    assert imgstore.errors is errors
    found = {name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, BaseException)}
    assert found == KINDS.keys()


@pytest.mark.parametrize('kind', KINDS.values())
def test_each_is_in_one_of_the_two_trees(kind: type[BaseException]) -> None:
    assert issubclass(kind, (errors.ImgStoreError, errors.ImgStoreWarning))
    assert issubclass(errors.ImgStoreWarning, UserWarning)


@pytest.mark.parametrize(
    ('name', 'builtin'),
    [
        ('InvalidArgumentError', ValueError),
        ('FrameNotFoundError', ValueError),
        ('ImageRejectedError', ValueError),
        ('StoreClosedError', ValueError),
        ('StoreModeError', ValueError),
        ('StoreNotFoundError', ValueError),
        ('StoreNotFoundError', FileNotFoundError),
        ('EndOfStoreError', EOFError),
        ('ExtraDataTypeError', TypeError),
        ('FrameIndexError', IndexError),
        ('FrameKeyTypeError', TypeError),
        ('MissingDependencyError', ImportError),
        ('StoreIOError', OSError),
        ('StoreExistsError', FileExistsError),
        ('StoreLockedError', OSError),
        ('FrameReadError', OSError),
        ('FrameWriteError', OSError),
        ('CorruptFileError', OSError),
        ('CorruptFileError', ValueError),
    ],
)
def test_an_error_is_the_built_in_error_too(name: str, builtin: type[Exception]) -> None:
    assert issubclass(KINDS[name], builtin)


@pytest.mark.parametrize('kind', ERRORS)
def test_the_fields_of_an_error_are_none_if_not_known(kind: type[errors.ImgStoreError]) -> None:
    error = kind('something')
    assert [getattr(error, name) for name in FIELDS] == [None] * len(FIELDS)
    assert (str(error).startswith('something'), error.args) == (True, ('something',))


@pytest.mark.parametrize('kind', ERRORS)
def test_an_error_keeps_its_fields_when_it_is_pickled_or_copied(kind: type[errors.ImgStoreError]) -> None:
    error = kind('something', **FIELDS)  # type: ignore[arg-type]
    assert {name: getattr(error, name) for name in FIELDS} == FIELDS
    for copied in copies_of(error):
        assert type(copied) is kind
        assert (str(copied), copied.args, vars(copied)) == (str(error), error.args, vars(error))


@pytest.mark.parametrize(
    'error',
    [
        errors.FrameWriteError('something', frame_numbers=[3, 1, 3]),
        errors.StoreExistsError('something', replaceable=True),
        errors.MissingDependencyError('something', name='pyarrow'),
    ],
)
def test_an_error_keeps_the_fields_of_its_own_class(error: errors.ImgStoreError) -> None:
    for copied in copies_of(error):
        for name in ('frame_numbers', 'replaceable', 'name'):
            assert getattr(copied, name, None) == getattr(error, name, None)


@pytest.mark.parametrize('warning', WARNINGS, ids=lambda warning: type(warning).__name__)
def test_pickled_or_copied_warning_keeps_its_fields(warning: errors.ImgStoreWarning) -> None:
    """A warning keeps its fields when it is pickled or copied."""
    for copied in copies_of(warning):
        assert type(copied) is type(warning)
        assert (str(copied), fields_of(copied)) == (str(warning), fields_of(warning))


def test_every_warning_is_tried_here() -> None:
    kinds = {kind for kind in KINDS.values() if issubclass(kind, errors.ImgStoreWarning)}
    assert {type(warning) for warning in WARNINGS} == kinds


@pytest.mark.parametrize(
    'kind',
    [
        kind
        for kind in KINDS.values()
        if kind not in (errors.ImgStoreWarning,) and issubclass(kind, errors.ImgStoreWarning)
    ],
)
def test_every_field_of_a_warning_is_documented(kind: type[errors.ImgStoreWarning]) -> None:
    found = next(warning for warning in WARNINGS if type(warning) is kind)
    assert vars(found)
    for name in vars(found):
        assert f'\n{name} : ' in not_none(inspect.getdoc(kind))


# --- where they come from


def fail_to_read(path: str) -> None:
    with new_for_filename(path) as store:
        store.get_image(5)


@pytest.mark.process
def test_an_error_crosses_to_another_process(tmp_path: Path) -> None:
    store(tmp_path)
    with (
        ProcessPoolExecutor(1, get_context('spawn')) as pool,
        raises(errors.FrameNotFoundError, store=str(tmp_path / 's'), frame_number=5),
    ):
        pool.submit(fail_to_read, str(tmp_path / 's')).result()


def store(folder: Path, count: int = 4) -> Any:
    with new_for_format('npy', folder / 's', imgshape=(4, 6), chunksize=2) as store:
        for number in range(count):
            store.add_image(np.zeros((4, 6), np.uint8), number, number / 10)


def test_a_frame_that_is_not_there_is_told(tmp_path: Path) -> None:
    store(tmp_path)
    folder = str(tmp_path / 's')
    with new_for_filename(folder) as reader:
        with raises(errors.FrameNotFoundError, store=folder, frame_number=9, frame_index=None):
            reader.get_image(9)
        with raises(errors.FrameNotFoundError, store=folder, frame_number=None, frame_index=4):
            reader.get_image(None, frame_index=4)
        reader.get_image(3)
        with raises(errors.EndOfStoreError, store=folder, frame_index=3):
            reader.get_next_image()


def test_a_frame_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    store(tmp_path)
    image = tmp_path / 's' / '000001' / '000001.npy'
    image.write_bytes(b'damaged')
    with (
        new_for_filename(tmp_path / 's') as reader,
        raises(
            errors.FrameReadError,
            store=str(tmp_path / 's'),
            chunk=1,
            index_in_chunk=1,
            frame_index=3,
            frame_number=3,
            path=str(image),
        ) as caught,
    ):
        reader.get_image(3)
    assert caught.value.reason
    assert str(tmp_path) not in caught.value.reason


@pytest.mark.parametrize('workers', [0, 2])
def test_frames_that_are_not_written_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    writer = new_for_format('npy', tmp_path / 's', imgshape=(4, 6), workers=workers)
    monkeypatch.setattr(writer._require_writer()._recorder, '_write', failing)
    with raises(errors.FrameWriteError, store=str(tmp_path / 's'), frame_number=7, frame_numbers=(7,)):
        writer.add_image(np.zeros((4, 6), np.uint8), 7, 0.0)
        writer.close()
    writer.close()


def failing(*_: object) -> None:
    raise OSError('no space')


def test_a_store_that_is_there_is_told(tmp_path: Path) -> None:
    store(tmp_path)
    folder = str(tmp_path / 's')
    with raises(errors.StoreExistsError, store=folder, path=folder, replaceable=True):
        store(tmp_path)
    with raises(errors.StoreNotFoundError, store=str(tmp_path / 'none'), path=str(tmp_path / 'none')):
        new_for_filename(tmp_path / 'none')
    with new_for_filename(folder) as reader, raises(errors.StoreModeError, store=folder):
        reader.add_image(np.zeros((4, 6), np.uint8), 4, 0.4)


def test_a_writer_that_has_the_store_is_told(tmp_path: Path) -> None:
    folder = str(tmp_path / 's')
    with new_for_format('npy', folder, imgshape=(4, 6)), raises(errors.StoreLockedError, store=folder):
        new_for_format('npy', folder, imgshape=(4, 6), overwrite=True)


@pytest.mark.parametrize('argument', ['mode', 'chunksize', 'imgdtype', 'imgshape', 'encoding', 'format'])
def test_an_argument_that_is_not_allowed_is_told(tmp_path: Path, argument: str) -> None:
    given: dict[str, Any] = {'mode': 'w', 'format': 'npy', 'imgshape': (4, 6), argument: 'nonsense'}
    with raises(errors.InvalidArgumentError, argument=argument):
        imgstore.DirectoryImgStore(basedir=tmp_path / 's', **given)


def test_an_argument_that_has_items_is_told_by_its_name(tmp_path: Path) -> None:
    store(tmp_path)
    with new_for_filename(tmp_path / 's') as reader:
        with raises(errors.InvalidArgumentError, argument='frame_number'):
            reader.get_image('x')
        with raises(errors.InvalidArgumentError, argument='frame_index'):
            reader.get_image(None, frame_index='x')
        several: list[dict[str, Any]] = [{'number': '0'}, {'time': 'x'}]
        for wanted in several:
            with raises(errors.InvalidArgumentError, argument=next(iter(wanted))):
                reader.find(**wanted)


def test_missing_and_excess_arguments_are_distinguished(tmp_path: Path) -> None:
    """The error for a missing argument differs from the error for one argument too many."""
    for make in (
        functools.partial(new_for_format, 'npy', imgshape=(4, 6)),
        imgstore.DirectoryImgStore,
        new_for_filename,
    ):
        with pytest.raises(errors.InvalidArgumentError, match='no path was given'):
            make()
    with pytest.raises(errors.InvalidArgumentError, match="path 'a' and basedir 'b' were given"):
        new_for_filename('a', basedir='b')
    store(tmp_path)
    with new_for_filename(tmp_path / 's') as reader:
        for find in (reader.find, reader.get_images):
            with pytest.raises(errors.InvalidArgumentError, match='neither was given'):
                find()
        with pytest.raises(errors.InvalidArgumentError, match='got both'):
            reader.get_images([0], [0])
        with pytest.raises(errors.InvalidArgumentError, match='number=0 and time=1'):
            reader.find(number=0, time=1)


def test_a_refused_image_or_record_names_its_store(tmp_path: Path) -> None:
    folder = str(tmp_path / 's')
    with new_for_format('npy', folder, imgshape=(4, 6)) as writer:
        for image in (np.zeros((5, 6), np.uint8), np.full((4, 6), 300), [[1], [1, 2]]):
            with raises(errors.ImageRejectedError, store=folder, frame_number=7, argument='img'):
                writer.add_image(image, 7, 0.0)
        for record in ({'a': object()}, {'a': '\udce9'}):
            with raises(errors.ExtraDataTypeError, store=folder):
                writer.add_extra_data(**record)


def test_damaged_metadata_and_extra_data_name_their_store(tmp_path: Path) -> None:
    folder = str(tmp_path / 's')
    with new_for_format('npy', folder, imgshape=(4, 6), chunksize=2) as writer:
        for number in range(4):
            writer.add_image(np.zeros((4, 6), np.uint8), number, number / 10)
            writer.add_extra_data(a=1)
    file = tmp_path / 's' / '000001' / 'index.extra.json'
    file.write_text('{}')
    with new_for_filename(folder) as reader:
        with raises(errors.CorruptFileError, store=folder, chunk=1, path=str(file)):
            reader.get_extra_data()
        with warns(errors.ExtraDataSkippedWarning, store=folder):
            assert len(not_none(reader.get_extra_data(ignore_corrupt_chunks=True))) == 2
    for damaged in ('[', 'a: 1', '__store: {version: 1}'):
        (tmp_path / 's' / 'metadata.yaml').write_text(damaged)
        with raises(errors.CorruptFileError, store=folder, path=str(tmp_path / 's' / 'metadata.yaml')):
            new_for_filename(folder)


def test_a_warning_of_a_gray_format_names_the_store(tmp_path: Path) -> None:
    with warns(errors.ColorLostWarning, store=str(tmp_path / 's')):
        new_for_format('pgm', tmp_path / 's', imgshape=(4, 6, 3)).close()


def test_chunk_and_store_lost_during_reading_are_reported(tmp_path: Path) -> None:
    """A chunk or a store that disappears while it is being read is reported."""
    store(tmp_path, 6)
    folder = str(tmp_path / 's')
    with new_for_filename(folder) as reader:
        (tmp_path / 's' / '000001' / 'index.npz').unlink()
        with warns(errors.ChunkSkippedWarning, store=folder, chunk=1, reason='it has no index') as told:
            assert len(reader.frame_numbers) < 6
        assert f'{folder}: chunk 1 is skipped: it has no index' in map(str, [each.message for each in told])
    store(tmp_path / 'gone', 2)
    folder = str(tmp_path / 'gone' / 's')
    with new_for_filename(folder) as reader:
        reader.get_image(None, frame_index=1)
        shutil.rmtree(folder)
        for read in (reader.refresh, lambda: next(reader.follow())):
            with raises(errors.StoreNotFoundError, store=folder, path=folder):
                read()


def test_the_end_of_an_empty_store_says_that_it_is_empty(tmp_path: Path) -> None:
    store(tmp_path, 0)
    with new_for_filename(tmp_path / 's') as reader, pytest.raises(errors.EndOfStoreError, match='the store is empty'):
        reader.get_next_image()


def test_warnings_of_chunks_are_told(tmp_path: Path) -> None:
    store(tmp_path, 6)
    folder = tmp_path / 's'
    (folder / '000001' / 'index.npz').unlink()
    (folder / '000002' / 'index.npz').write_bytes(b'damaged')
    with warns(errors.ChunkSkippedWarning, store=str(folder)) as caught, new_for_filename(folder) as reader:
        assert reader.frame_count == 2
    first, second = (each.message for each in caught)
    assert (first.chunk, first.error, second.chunk) == (1, None, 2)
    assert isinstance(second.error, errors.CorruptFileError)
    assert second.error.path == str(folder / '000002' / 'index.npz')


# --- the line of the user's program


def in_package(source: str, **names: Any) -> Callable[[], None]:
    space: dict[str, Any] = {'__name__': 'imgstore.invented', **names}
    exec(compile(source, warn.__code__.co_filename, 'exec'), space)
    function: Callable[[], None] = space['function']
    return function


GIVE = 'def function():\n    warn(warning)\n'


@pytest.mark.parametrize('depth', [0, 1, 30])
def test_a_warning_names_the_first_line_outside_of_the_package(depth: int) -> None:
    give = in_package(GIVE, warn=warn, warning=errors.ColorLostWarning('mjpeg'))
    for _ in range(depth):
        give = in_package('def function():\n    inner()\n', inner=give)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        give()
        line = inspect.currentframe().f_lineno - 1  # type: ignore[union-attr]
    assert [(each.filename, each.lineno, each.category) for each in caught] == [
        (__file__, line, errors.ColorLostWarning)
    ]


def test_a_warning_goes_past_what_only_passes_calls_on() -> None:
    give = in_package(GIVE, warn=warn, warning=errors.ColorLostWarning('mjpeg'))
    outer = in_package(
        'class Held:\n    value = cached(lambda self: inner())\n\n\ndef function():\n    Held().value\n',
        inner=give,
        cached=_named_cached,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        outer()
    assert [each.filename for each in caught] == [__file__]


def _named_cached(function: Callable[[Any], None]) -> Any:
    cached = functools.cached_property(function)
    cached.__set_name__(object, 'value')
    return cached


def test_a_warning_is_shown_once_a_line() -> None:
    give = in_package(GIVE, warn=warn, warning=errors.ColorLostWarning('mjpeg'))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('default')
        for _ in range(3):
            give()
        give()
    assert len(caught) == 2


def test_a_warning_can_be_made_an_error() -> None:
    give = in_package(GIVE, warn=warn, warning=errors.ColorLostWarning('mjpeg'))
    with warnings.catch_warnings():
        warnings.simplefilter('error', errors.ColorLostWarning)
        with raises(errors.ColorLostWarning, format='mjpeg'):
            give()


def test_warnings_of_the_package_can_be_ignored_as_one_class(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', errors.ImgStoreWarning)
        with new_for_format('pgm', tmp_path / 's', imgshape=(32, 32, 3)):
            pass


def test_the_line_of_a_store_that_was_made_is_named(tmp_path: Path) -> None:
    with warns(errors.ColorLostWarning) as caught, new_for_format('pgm', tmp_path / 's', imgshape=(32, 32, 3)):
        pass
    assert [each.filename for each in caught] == [__file__]
