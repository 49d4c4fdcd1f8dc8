"""Metadata of a converted store: its history, and the origin of its frames."""

from __future__ import annotations

import datetime
from typing import Any

from .._support.text import without_surrogates
from .._version import __version__
from ..color import decoded_shape
from ..ondisk.metadata import StoreMetadata, load_metadata, save_metadata, with_store_keys
from ..sensor_area import SensorArea, area_in
from ..stores.base import ImgStore

HISTORY = 'imgstore_history'
"""Key in the user's metadata for the history of a converted store."""


def metadata_with_history(old: ImgStore) -> dict[Any, Any]:
    """Return the user's metadata with one more entry of its history."""
    user = without_surrogates(old.user_metadata)
    earlier = user.get(HISTORY)
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    entry = {
        'uuid': old.uuid,
        'format': old.format,
        **_creation(old),
        'converted_utc': now.isoformat(),
        'converted_by': f'imgstore {__version__}',
    }
    return {**user, HISTORY: [*(earlier if isinstance(earlier, list) else []), entry]}


def carry_origin(old: ImgStore, folder: str, area: SensorArea | None) -> None:
    """Write what is known of the recording into the new metadata.

    That is its time of creation and time zone, and the area of the sensor. ``area`` is one of the original's images.
    """
    metadata = load_metadata(folder)
    keys = {**_creation(old), **_area_keys(area_in(load_metadata(old.filename).store), area, metadata)}
    save_metadata(folder, with_store_keys(metadata, keys))


def _area_keys(before: SensorArea | None, area: SensorArea | None, new: StoreMetadata) -> dict[str, Any]:
    """Return the area of the sensor in the new images, as keys of metadata.yaml."""
    of_sensor = before if area is None else area.within(before)
    if of_sensor is None:
        return {}
    return of_sensor.trimmed(decoded_shape(new.imgshape, new.encoding)).as_metadata()  # a video has even sides


def _creation(old: ImgStore) -> dict[str, str]:
    created, zone = old.created
    return {'created_utc': created.replace(tzinfo=None).isoformat(), 'timezone_local': str(zone)}
