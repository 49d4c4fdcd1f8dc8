"""Makes the picture of napari in docs/images: records a store, and opens it in a window of napari.

Needs `pip install -e '.[test,programs]'`, and Debian's xvfb, chromium and chromium-driver. Run it with
`xvfb-run -a -s '-screen 0 1280x800x24' python tools/make_napari_picture.py`.
"""

import os
import tempfile
import time
import warnings
from pathlib import Path

from make_screenshots import FOLDER, record
from PIL import Image

SIZE = 1000, 640
COLORS = 128  # few, as the grain of the frames is hard to compress
AT = 1200


def main() -> None:
    warnings.simplefilter('ignore')  # napari's own
    with tempfile.TemporaryDirectory() as folder:
        os.environ['NAPARI_CONFIG'] = str(Path(folder, 'settings.yaml'))
        import napari

        from imgstore.adapters.napari import show_frame_numbers

        viewer = napari.Viewer()
        viewer.window.resize(*SIZE)
        viewer.open(Path(record(Path(folder, 'top-camera'), 0), 'metadata.yaml'), plugin='imgstore')
        viewer.dims.set_current_step(0, AT)
        show_frame_numbers(viewer)
        viewer.canvas.overlays.text.font_size = 16
        viewer.reset_view()
        for _ in range(50):  # which lay out the texts
            napari.qt.get_qapp().processEvents()
            time.sleep(0.02)
        picture = Image.fromarray(viewer.screenshot(canvas_only=False, flash=False)).convert('RGB')
        picture.quantize(COLORS).save(FOLDER / 'napari.png', optimize=True)
        viewer.close()


if __name__ == '__main__':
    main()
