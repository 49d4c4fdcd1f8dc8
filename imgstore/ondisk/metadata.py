"""Reading and writing of metadata.yaml: the store's part and the user's."""

from __future__ import annotations

import contextlib
import datetime
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from .._support.text import is_utf8
from .._support.yaml import check_yaml, dump_yaml, load_yaml
from ..constants import CHECKSUMS, EMPTIED_FOLDER, STORE_MD_FILENAME, STORE_MD_KEY, STORE_VERSION
from ..errors import CorruptFileError, InvalidArgumentError
from ..frame_rate import kept_rate
from ..remote import files as remote
from ..remote.urls import parent_url
from .files import join, name_of, write_atomic
from .layout import is_emptied

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_DATED_NAME = r'(?a)(?<!\d)(\d{8}_\d{6})(?!\d)'
_DATED_NAME_FORMAT = '%Y%m%d_%H%M%S'

_MOST_DIMENSIONS, _MOST_VALUES = 64, 2**40
"""Limit for an image, far above any real one."""

_SCALARS: tuple[type[Any], ...] = (bool, int, float, bytes)


def zone_or_none(name: object) -> ZoneInfo | None:
    """Return the time zone of an IANA name, or None if unknown on this machine."""
    from zoneinfo import ZoneInfo

    if isinstance(name, str) and name:
        with contextlib.suppress(Exception):
            return ZoneInfo(name)
    return None


def local_timezone_name() -> str:
    """Return the IANA name of this machine's time zone, or 'UTC' without one."""
    import tzlocal

    try:
        return tzlocal.get_localzone_name() or 'UTC'
    except Exception:  # noqa: BLE001 -- tzlocal raises many kinds of errors
        return 'UTC'


def local_timezone() -> ZoneInfo:
    """Return this machine's time zone."""
    from zoneinfo import ZoneInfo

    return zone_or_none(local_timezone_name()) or ZoneInfo('UTC')


@dataclass(frozen=True)
class StoreMetadata:
    """Checked content of metadata.yaml.

    Attributes
    ----------
    imgshape : tuple of int
        Shape of the images on disk, (h, w) or (h, w, 3).
    imgdtype : str
        dtype of the images, as numpy names it.
    chunksize : int
        Frames per chunk.
    format : str
        Name of the format; '' if absent.
    class_name : str
        'VideoImgStore' or 'DirectoryImgStore'; '' if absent.
    encoding : str
        Encoding of raw camera images; '' if absent.
    extension : str
        Extension of the videos; '' if absent.
    uuid : str or None
        32 hex digits; None in old stores.
    created : datetime.datetime
        Aware, in UTC.
    timezone : ZoneInfo
        Time zone of the recording.
    user : dict
        Your own metadata.
    store : dict
        The store's part, as in the file.
    """

    imgshape: tuple[int, ...]
    imgdtype: str
    chunksize: int
    format: str
    class_name: str
    encoding: str
    extension: str
    uuid: str | None
    created: datetime.datetime
    timezone: ZoneInfo
    user: dict[Any, Any]
    store: dict[str, Any] = field(repr=False)

    @property
    def image_bytes(self) -> int:
        """Size of an image on disk without compression."""
        return math.prod(self.imgshape) * np.dtype(self.imgdtype).itemsize

    @property
    def fps(self) -> float | None:
        """Frame rate given by the user, for the header of videos."""
        return kept_rate(self.store.get('fps'))

    @property
    def encoder(self) -> dict[str, Any]:
        """The given options of the encoder."""
        kept = self.store.get('encoder')
        return {str(name): value for name, value in kept.items()} if isinstance(kept, Mapping) else {}

    @property
    def has_checksums(self) -> bool:
        """Whether this store's writer gave chunks checksums of their frames."""
        return self.store.get('checksum') == CHECKSUMS

    @property
    def lossless(self) -> bool:
        """Whether images are as lossless as the format allows.

        A ``quality`` given by the user is not stored.
        """
        return self.store.get('lossless') is not False


def new_metadata(
    *,
    imgshape: tuple[int, ...],
    imgdtype: str,
    chunksize: int,
    format: str,
    class_name: str,
    encoding: str,
    extension: str,
    user: object,
    fps: float | None = None,
    lossless: bool = True,
    encoder: Mapping[str, Any] = MappingProxyType({}),
    sensor: Mapping[str, list[int]] = MappingProxyType({}),
) -> StoreMetadata:
    """Make the metadata of a new store; ``user`` is checked and copied.

    ``lossless`` is False if the images lose more than the format itself loses. ``encoder`` has its given options, and
    ``sensor`` the keys of a sensor's area.
    """
    import uuid

    now = datetime.datetime.now(datetime.timezone.utc)
    zone, identity = local_timezone(), uuid.uuid4().hex
    store: dict[str, Any] = {
        'imgshape': list(imgshape),
        'imgdtype': imgdtype,
        'chunksize': chunksize,
        'format': format,
        'class': class_name,
        'encoding': encoding or None,
        'created_utc': now.replace(tzinfo=None).isoformat(),
        'timezone_local': zone.key,
        'uuid': identity,
    }
    if extension:
        store['extension'] = extension
    if fps is not None:
        store['fps'] = fps
    if not lossless:
        store['lossless'] = False
    if encoder:
        store['encoder'] = {**encoder}
    store.update(sensor)
    store['checksum'] = CHECKSUMS
    store['version'] = STORE_VERSION  # last, so that a cut-off file has none
    return StoreMetadata(
        imgshape,
        imgdtype,
        chunksize,
        format,
        class_name,
        encoding,
        extension,
        identity,
        now,
        zone,
        checked_user_metadata(user),
        store,
    )


def with_store_keys(metadata: StoreMetadata, keys: Mapping[str, Any]) -> StoreMetadata:
    """Return metadata with other keys in the store's part, its version last."""
    store = {**metadata.store, **keys}
    version = store.pop('version')
    return replace(metadata, store={**store, 'version': version})


def checked_user_metadata(user: object) -> dict[Any, Any]:
    """Copy the user's metadata in types of YAML, or raise InvalidArgumentError."""
    if user is None:
        return {}
    if not isinstance(user, Mapping):
        raise InvalidArgumentError(f'metadata is a {type(user).__name__}; it must be a dict', argument='metadata')
    try:
        plain: dict[Any, Any] = _plain(user, 'metadata')
        check_yaml(dump_yaml(plain))
    except InvalidArgumentError:
        raise
    except Exception as error:  # yaml passes on errors of datetime, sets and recursion
        raise InvalidArgumentError(
            f'metadata cannot be written as YAML: {" ".join(str(error).split())}', argument='metadata'
        ) from error
    if STORE_MD_KEY in plain:
        raise InvalidArgumentError(
            f"metadata must not have the key {STORE_MD_KEY!r}: it is the store's own", argument='metadata'
        )
    return plain


def _plain(value: Any, where: str) -> Any:
    """Convert a value to types of YAML.

    Numbers of numpy, tuples and paths change.
    """
    if isinstance(value, Mapping):
        return {_plain(k, f'a key of {where}'): _plain(v, f'{where}[{k!r}]') for k, v in value.items()}
    if isinstance(value, (np.generic, np.ndarray)):
        kind = value.dtype.kind
        return _plain((value.astype(f'{kind}8[us]') if kind in 'mM' else value).tolist(), where)
    if isinstance(value, (list, tuple)):
        return [_plain(v, where) for v in value]
    if isinstance(value, (set, frozenset)):
        return {_plain(v, where) for v in value}
    return _plain_scalar(value, where)


def _plain_scalar(value: Any, where: str) -> Any:
    if value is None or type(value) is datetime.date:
        return value
    if isinstance(value, datetime.datetime):
        return datetime.datetime.combine(value.date(), value.timetz())
    if isinstance(value, (str, PurePath)):
        return _utf8(str.__str__(value) if isinstance(value, str) else str(value), where)  # str() of an enum: its name
    for kind in _SCALARS:
        if isinstance(value, kind):
            return kind(value)
    raise InvalidArgumentError(
        f'{where} is a {type(value).__name__}, which metadata.yaml cannot hold', argument='metadata'
    )


def _utf8(text: str, where: str) -> str:
    if not is_utf8(text):
        raise InvalidArgumentError(f'{where} is {text!r}, which is not UTF-8; pass it as bytes', argument='metadata')
    return text


def save_metadata(basedir: str, metadata: StoreMetadata) -> None:
    """Write metadata.yaml into the store's folder, and wait until it is on disk."""
    write_atomic(os.path.join(basedir, STORE_MD_FILENAME), metadata_bytes(metadata), sync_it=True)


def metadata_bytes(metadata: StoreMetadata) -> bytes:
    """Return the content of metadata.yaml."""
    # the store's part is last: if it is complete, so is the file
    return dump_yaml({**metadata.user, STORE_MD_KEY: metadata.store})


def load_metadata(basedir: str) -> StoreMetadata:
    """Read metadata.yaml of the store in ``basedir``, or raise CorruptFileError."""
    try:
        return _load(basedir)
    except CorruptFileError as error:
        error.store = basedir
        raise


def _load(basedir: str) -> StoreMetadata:
    folder = os.path.join(basedir, EMPTIED_FOLDER) if is_emptied(basedir) else basedir
    path = join(folder, STORE_MD_FILENAME)
    content = load_yaml(path)
    store = content.pop(STORE_MD_KEY, None) if isinstance(content, dict) else None
    if not isinstance(store, dict):
        raise CorruptFileError(f'{path} is not the metadata of a store: it has no mapping {STORE_MD_KEY!r}', path=path)
    version = store.get('version')
    if version not in (1, STORE_VERSION):
        raise CorruptFileError(
            f'{path}: version is {version!r}; this imgstore reads 1 and {STORE_VERSION}', path=path, argument='version'
        )
    return _parse(path, store, content)


def _parse(path: str, store: dict[str, Any], user: dict[Any, Any]) -> StoreMetadata:
    zone = zone_or_none(store.get('timezone_local')) or zone_or_none(user.get('timezone')) or local_timezone()
    return StoreMetadata(
        imgshape=_shape(path, store),
        imgdtype=_dtype(path, store),
        chunksize=_chunksize(path, store),
        format=_text(path, store, 'format'),
        class_name=_text(path, store, 'class'),
        encoding=_text(path, store, 'encoding', optional=True),
        extension=_text(path, store, 'extension', optional=True),
        uuid=None if store.get('uuid') is None else str(store['uuid']),
        created=_created_utc(store.get('created_utc')) or _created_of_old_store(path, zone),
        timezone=zone,
        user=user,
        store=store,
    )


def _text(path: str, store: dict[str, Any], key: str, optional: bool = False) -> str:
    value = store.get(key)
    if isinstance(value, str) or (optional and value is None):
        return value or ''
    raise CorruptFileError(f'{path}: {key} is {value!r}; it must be a string', path=path, argument=key)


def _shape(path: str, store: dict[str, Any]) -> tuple[int, ...]:
    shape = store.get('imgshape')
    if isinstance(shape, (list, tuple)) and 0 < len(shape) <= _MOST_DIMENSIONS:
        sizes = tuple(shape)
        if all(isinstance(n, int) and n > 0 for n in sizes) and math.prod(sizes) <= _MOST_VALUES:
            return sizes
    raise CorruptFileError(
        f'{path}: imgshape is {shape!r}; it must be a list of sizes such as [480, 640, 3]',
        path=path,
        argument='imgshape',
    )


def _dtype(path: str, store: dict[str, Any]) -> str:
    name = _text(path, store, 'imgdtype')
    with contextlib.suppress(Exception):  # numpy tries many notations, each with its own errors
        dtype = np.dtype(name)
        if dtype.names is None and dtype.subdtype is None and not dtype.hasobject:
            return name
    raise CorruptFileError(
        f'{path}: imgdtype is {name!r}; it must be the name of a numpy dtype, such as uint8',
        path=path,
        argument='imgdtype',
    )


def _chunksize(path: str, store: dict[str, Any]) -> int:
    chunksize = store.get('chunksize')
    if isinstance(chunksize, int) and chunksize >= 1:
        return chunksize
    raise CorruptFileError(
        f'{path}: chunksize is {chunksize!r}; it must be a number of frames, 1 or more', path=path, argument='chunksize'
    )


def _created_utc(value: object) -> datetime.datetime | None:
    import dateutil.parser

    with contextlib.suppress(ValueError, OverflowError):
        if isinstance(value, str):
            value = dateutil.parser.isoparse(value)
        if isinstance(value, datetime.datetime):
            return _in_utc(value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc))
    return None


def _created_of_old_store(path: str, zone: ZoneInfo) -> datetime.datetime:
    for text in re.findall(_DATED_NAME, _folder_name(path)):
        with contextlib.suppress(ValueError, OverflowError):
            return _in_utc(datetime.datetime.strptime(text, _DATED_NAME_FORMAT).replace(tzinfo=zone))
    changed = remote.status(path).changed or 0 if remote.is_url(path) else os.path.getmtime(path)
    return datetime.datetime.fromtimestamp(changed, datetime.timezone.utc)


def _folder_name(path: str) -> str:
    return name_of(parent_url(path) if remote.is_url(path) else os.path.dirname(path))


def _in_utc(value: datetime.datetime) -> datetime.datetime:
    return value.astimezone(datetime.timezone.utc)
