"""The formats as the table has them, for tests that go over all of a kind."""

from imgstore.formats import DIRECTORY, VIDEO, format_names, resolve_format

ROWS = {name: resolve_format(name) for name in format_names() if '+' not in name}
IMAGE_FORMATS = [name for name, row in ROWS.items() if row.class_name == DIRECTORY]
VIDEO_FORMATS = [name for name, row in ROWS.items() if row.class_name == VIDEO]
READ_BY_OPENCV = [name for name in IMAGE_FORMATS if ROWS[name].signature]
LOSSLESS = [name for name, row in ROWS.items() if row.lossless]
LOSSLESS_VIDEOS = [name for name in VIDEO_FORMATS if ROWS[name].lossless]
LOSSY = [name for name, row in ROWS.items() if not row.lossless]
EXPORTABLE = [name for name, row in ROWS.items() if row.is_exportable]
LOSSY_IF_ASKED = [name for name in LOSSLESS if any(option.name == 'quality' for option in ROWS[name].options)]
COLOR_IS_LOST = [name for name, row in ROWS.items() if row.color_model == 'gray']
NO_COLOR = [*COLOR_IS_LOST, *(name for name, row in ROWS.items() if not row.holds('uint8', True))]
CROPPED = [name for name, row in ROWS.items() if row.crops_odd_sides]
