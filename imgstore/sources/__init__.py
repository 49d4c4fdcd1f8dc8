"""Sources of frames for a new store: videos, images, pipes, cameras."""

from .camera import Camera
from .film import VideoFile
from .images import PIXEL_FORMATS, Images, image_paths, is_image, read_rawvideo

__all__ = ['PIXEL_FORMATS', 'Camera', 'Images', 'VideoFile', 'image_paths', 'is_image', 'read_rawvideo']
