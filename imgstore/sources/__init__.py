"""Sources of frames for a new store, and files of frame times."""

from .camera import Camera
from .counting import Count, count_frames, count_images
from .film import VideoFile
from .images import PIXEL_FORMATS, Images, image_paths, is_image, read_rawvideo
from .times_file import FrameTimes, read_frame_times
from .times_units import UNITS

__all__ = [
    'PIXEL_FORMATS',
    'UNITS',
    'Camera',
    'Count',
    'FrameTimes',
    'Images',
    'VideoFile',
    'count_frames',
    'count_images',
    'image_paths',
    'is_image',
    'read_frame_times',
    'read_rawvideo',
]
