"""Writes docs/json-output.schema.json, which describes what the commands print with --json.

Usage: python tools/make_schema.py

Fields of dataclasses have their types and descriptions from the class. The rest is in this file.
"""

import dataclasses
import inspect
import json
import re
import types
import typing
from pathlib import Path
from typing import Any, get_args, get_origin

from imgstore.convert import Conversion, FormatEstimate, RefusedFormat, StoreEstimate
from imgstore.doctor import Finding
from imgstore.export.mosaic import Absence
from imgstore.maintenance.reindex import ReindexReport
from imgstore.maintenance.report import UnreadableChunk
from imgstore.maintenance.verify_report import VerifiedChunk
from imgstore.overview.listing import StoreRow
from imgstore.overview.recordings import RecordingRow
from imgstore.overview.report import Overview
from imgstore.recording import CameraStatus, PaceReport

TARGET = Path(__file__).parents[1] / 'docs' / 'json-output.schema.json'

ENTRY = re.compile(r'^([\w, ]+) : .*\n((?:[ ]+.*\n?|\n)+)', re.MULTILINE)
NAMES = {int: 'integer', float: 'number', str: 'string', bool: 'boolean', type(None): 'null', dict: 'object'}

Schema = dict[str, Any]


def of_type(kind: Any) -> Schema:
    """Describe a type. A number that is not finite is null in JSON."""
    if kind is Any:
        return {}
    if get_origin(kind) in (types.UnionType, typing.Union):
        parts = [of_type(each) for each in get_args(kind)]
        names = [name for part in parts for name in as_list(part['type'])]
        return {**parts[0], 'type': list(dict.fromkeys(names))}
    if get_origin(kind) is typing.Literal:
        return {'type': 'string', 'enum': list(get_args(kind))}
    if get_origin(kind) in (tuple, list):
        return {'type': 'array', 'items': of_type(get_args(kind)[0])}
    if dataclasses.is_dataclass(kind):
        return of_class(typing.cast(type, kind))
    name = NAMES[get_origin(kind) or kind]
    return {'type': ['number', 'null'] if name == 'number' else name}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def of_class(kind: type, **more: Schema) -> Schema:
    """Describe the fields of a dataclass."""
    hints, described = typing.get_type_hints(kind), descriptions(kind)
    fields = {
        field.name: {**of_type(hints[field.name]), 'description': described.get(field.name, '')}
        for field in dataclasses.fields(kind)
    }
    return of_object('', {**fields, **more})


def descriptions(kind: type) -> dict[str, str]:
    """Return what the docstring says of each attribute, without the marks of reStructuredText."""
    text = inspect.getdoc(kind) or ''
    entries = ENTRY.findall(text.partition('Attributes\n----------\n')[2] + '\n')
    return {name: ' '.join(body.replace('`', '').split()) for names, body in entries for name in names.split(', ')}


def of_object(description: str, properties: dict[str, Schema]) -> Schema:
    told = {'description': description} if description else {}
    return {**told, 'type': 'object', 'properties': properties, 'required': list(properties)}


def field(kind: str, description: str, *, or_null: bool = False) -> Schema:
    return {'type': [kind, 'null'] if or_null else kind, 'description': description}


def list_of(items: Schema, description: str) -> Schema:
    return {'type': 'array', 'items': items, 'description': description}


INTEGER = {'type': 'integer'}
FRAMES = field('integer', 'Number of frames.')
PATH = field('string', "The store's folder.")
FORMAT = field('string', 'Name of the format.')
REPAIRED_CHUNK = of_object(
    '',
    {
        'number': field('integer', 'Number of the chunk.'),
        'frames': FRAMES,
        'first_number': field('integer', 'Number of the first frame.', or_null=True),
        'last_number': field('integer', 'Number of the last frame.', or_null=True),
        'lost': list_of(INTEGER, 'Numbers of added frames that cannot be read.'),
        'estimated_frames': field('integer', 'Number of frames with an estimated number and time.'),
    },
)


def definitions() -> dict[str, Schema]:
    """Describe the objects by the names in the table of docs/json-output.md."""
    overview, listing = of_class(Overview), of_class(StoreRow)
    health = overview['properties']['health']
    health['properties']['good'] = field('boolean', 'Whether nothing is wrong.')
    health['required'].append('good')
    return {
        'save': of_object(
            'imgstore save',
            {
                'path': field('string', 'Folder with the frames; null if an old store was not replaced.', or_null=True),
                'format': field('string', 'Name of the format; null if nothing was saved.', or_null=True),
                'frames': field('integer', 'Number of saved frames.'),
                'dropped': field('integer', 'Frames of a camera that were dropped, because the disk was slow.'),
            },
        ),
        'record': {**of_class(CameraStatus), 'description': 'imgstore record, for each camera'},
        'pace': {
            **of_class(PaceReport, keeps_pace=field('boolean', 'Whether this machine keeps the pace.')),
            'description': 'imgstore record --check',
        },
        'info': {**overview, 'description': 'imgstore info'},
        'listing': {**listing, 'description': 'imgstore info --recursive, for each store'},
        'recording': {**of_class(RecordingRow), 'description': 'imgstore info --recursive, for each recording'},
        'export': of_object(
            'imgstore export, for each output',
            {
                'copied': field('boolean', 'Whether encoded frames were copied; null if no video.', or_null=True),
                'reason': field('string', 'Reason for re-encoding, or empty; null if no video.', or_null=True),
                'rows': field('integer', 'Number of rows of a table; null for others.', or_null=True),
                'store': PATH,
                'path': field('string', 'Path of the output.'),
                'kind': field('string', 'Kind of output, as --as has it.'),
                'frames': field('integer', 'Number of frames in the output.'),
                'first_number': field('integer', 'Number of the first frame.'),
                'last_number': field('integer', 'Number of the last frame of the range.'),
                'label': field('string', 'Label of the mark of --clip; null without.', or_null=True),
                'absent': list_of(of_class(Absence), 'With --mosaic: when the pictures of other stores are black.'),
            },
        ),
        'convert': {
            **of_class(Conversion, path=field('string', 'Folder of the new store.'), format=FORMAT),
            'description': 'imgstore convert',
        },
        'estimate': {**of_class(StoreEstimate), 'description': 'imgstore convert --estimate'},
        'index': of_object(
            'imgstore index',
            {'path': PATH, 'frames': FRAMES, 'sqlite': field('boolean', 'Whether .index.sqlite was written, too.')},
        ),
        'verify': of_object(
            'imgstore verify',
            {
                'path': PATH,
                'sound': field('boolean', 'Whether nothing is damaged, and no checksum lost.'),
                'frames': field('integer', 'Number of frames of the complete chunks.'),
                'verified': field('integer', 'Number of frames that match their checksum.'),
                'unverified': field('integer', 'Number of frames without a checksum.'),
                'damaged': list_of(INTEGER, 'Numbers of the damaged frames.'),
                'changed': field('integer', 'Number of frames that got a new checksum.'),
                'incomplete_chunks': list_of(INTEGER, 'Chunks that were not compared, since they are not complete.'),
                'unreadable': list_of(of_class(UnreadableChunk), 'Chunks that no repair can complete.'),
                'chunks': list_of(of_class(VerifiedChunk), 'The chunks that are damaged or were changed.'),
            },
        ),
        'reindex': {**of_class(ReindexReport), 'description': 'imgstore reindex'},
        'repair': of_object(
            'imgstore repair',
            {
                'path': PATH,
                'dry_run': field('boolean', 'Whether nothing was changed.'),
                'removed': list_of({'type': 'string'}, 'Unfinished files of the writer, and the lock it left.'),
                'reindexed': field('boolean', 'Whether a killed reindex was completed.'),
                'emptied': field('boolean', 'Whether a killed removal of all frames was completed.'),
                'chunks': list_of(REPAIRED_CHUNK, 'The completed chunks.'),
                'unreadable': list_of(of_class(UnreadableChunk), 'Chunks that stay unreadable.'),
            },
        ),
        'doctor': {
            **of_class(Finding, failed=field('boolean', 'Whether wrong images were read.')),
            'description': 'imgstore test --doctor',
        },
        'bench': of_object(
            'imgstore test --bench; without figures if the format cannot hold the images',
            {
                'recording': field('string', 'Name of the synthetic recording.'),
                'format': FORMAT,
                'frames': field('integer', 'Number of measured frames; null if the format was left out.', or_null=True),
                'writes': field('number', 'Written frames per second.'),
                'reads': field('number', 'Read frames per second, in order.'),
                'random_ms': field('number', 'Milliseconds to read a frame at random.'),
                'mb_per_hour': field('number', 'Size of an hour in MB.'),
                'exact': field('boolean', 'Whether all frames are identical bit for bit.'),
                'psnr': field('number', 'PSNR in dB; null if exact.', or_null=True),
                'width': field('integer', 'Width of the images.'),
                'height': field('integer', 'Height of the images.'),
                'color': field('boolean', 'Whether the images are in colour.'),
            },
        ),
    }


def schema() -> str:
    """Return the file's text."""
    found = definitions()
    estimate = found['estimate']['properties']
    estimate['formats'] = list_of(of_class(FormatEstimate), 'The estimates, the smallest first.')
    estimate['refused'] = list_of(of_class(RefusedFormat), 'Formats that cannot hold the images.')
    found['bench']['required'] = ['recording', 'format', 'frames', 'width', 'height', 'color']
    content = {
        '$schema': 'https://json-schema.org/draft/2020-12/schema',
        'title': 'Objects that the command lines of imgstore print with --json',
        '$defs': found,
        'anyOf': [{'$ref': f'#/$defs/{name}'} for name in found],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + '\n'


if __name__ == '__main__':
    TARGET.write_text(schema(), encoding='utf-8')
