"""A store as a small HTML table with its first frame, for notebooks."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import cv2
import numpy as np

from .._support.opencv_encode import encode_image
from .._support.text import count_of, printable, without_surrogates
from ..color import Image
from ..contrast import IntensityScaler
from ..errors import ImgStoreError
from .frame_properties import FrameProperties

_LONGEST_SIDE = 320  # pixels


def describe(store: FrameProperties) -> dict[str, str]:
    """Describe format, images and times.

    A forked child of the writer knows fewer of them.
    """
    rows = {'format': store.format}
    with contextlib.suppress(ImgStoreError):  # the encoding may be from another OpenCV
        rows['shape'] = f'{store.image_shape} {store.dtype}'
    with contextlib.suppress(ImgStoreError, OSError):
        rows['frames'] = count_of(store.frame_count, 'frame')
        rows['span'] = f'{store.duration:.6g} s'
    return rows


def as_html(title: str, rows: Mapping[str, str], image: Image | None) -> str:
    """Describe a store as HTML, with all text escaped."""
    cells = ''.join(f'<tr><th>{_escaped(name)}</th><td>{_escaped(value)}</td></tr>' for name, value in rows.items())
    data = None if image is None else _png(image)
    picture = '' if data is None else f'<img alt="first frame" src="data:image/png;base64,{data}">'
    return f'<div><strong>{_escaped(title)}</strong><table>{cells}</table>{picture}</div>'


def _escaped(text: str) -> str:
    import html

    return html.escape(printable(without_surrogates(text)))


def _png(image: Image) -> str | None:
    """Return a small PNG in base64, or None if the array is no picture."""
    import base64

    if 0 in image.shape or image.ndim not in (2, 3) or image.dtype.kind not in 'biuf':
        return None
    step = -(-max(image.shape[:2]) // _LONGEST_SIDE)
    small = image[::step, ::step]
    if small.ndim == 3:
        small = small[..., :3] if small.shape[2] in (3, 4) else small[..., 0]
    with np.errstate(all='ignore'):
        shown = np.ascontiguousarray(IntensityScaler().to_8_bit(small, stretch=False))
    try:
        return base64.b64encode(encode_image('.png', shown, [cv2.IMWRITE_PNG_COMPRESSION, 1])).decode()
    except ImgStoreError:
        return None
