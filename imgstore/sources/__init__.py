"""Where the frames of a new store come from: videos, images, a pipe, cameras."""

from .camera import Camera
from .film import Film
from .images import PIXEL_FORMATS, Images, image_paths, is_image, raw_images

__all__ = ['PIXEL_FORMATS', 'Camera', 'Film', 'Images', 'image_paths', 'is_image', 'raw_images']
