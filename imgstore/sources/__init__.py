"""Where the frames of a new store come from: videos, images, a pipe, cameras."""

from .camera import Camera
from .film import film_facts, film_frames
from .images import PIXEL_FORMATS, image_paths, raw_images, read_images

__all__ = ['PIXEL_FORMATS', 'Camera', 'film_facts', 'film_frames', 'image_paths', 'raw_images', 'read_images']
