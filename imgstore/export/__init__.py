"""Export of frames to other programs: as a video, images, arrays or a table.

Examples
--------
>>> from imgstore.export import export_video, select
>>> with imgstore.new_for_filename('recording') as store:
...     frames = select(store, from_number=101, to_number=105)
...     report = export_video(frames, 'part.mp4')
"""

from .._support.warn import renamed_names
from .animation import export_animation
from .arrays import export_npz, export_zarr
from .images import IMAGE_FORMATS, export_images, export_tiff
from .selection import Frames, select
from .sound import ColumnSound, FileSound, Sound
from .tables import TABLES, build_table, export_csv, export_parquet, export_timecodes
from .video import VideoReport, export_video

__all__ = [
    'IMAGE_FORMATS',
    'TABLES',
    'ColumnSound',
    'FileSound',
    'Frames',
    'Sound',
    'VideoReport',
    'build_table',
    'export_animation',
    'export_csv',
    'export_images',
    'export_npz',
    'export_parquet',
    'export_tiff',
    'export_timecodes',
    'export_video',
    'export_zarr',
    'select',
]

__getattr__ = renamed_names(__name__, {'FilmReport': 'VideoReport', 'table_of': 'build_table'})
