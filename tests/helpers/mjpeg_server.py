"""A camera at an address, as a process: ``python mjpeg_server.py PORT FRAMES``.

It streams numbered JPEG images by HTTP, as webcams do, and breaks off after FRAMES of them, each time that somebody
connects. It needs OpenCV and numpy alone.
"""

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:  # it is run as a script, from its own folder
    from .frames import numbered
else:
    from frames import numbered

RATE = 50.0


class Stream(BaseHTTPRequestHandler):
    """Gives the images to one client."""

    frames = 0

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header('Content-Type', 'multipart/x-mixed-replace; boundary=frame')
        self.end_headers()
        for index in range(self.frames):
            data = cv2.imencode('.jpg', numbered(index, (64, 96, 3)))[1].tobytes()
            self.wfile.write(b'--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n' % len(data))
            self.wfile.write(data + b'\r\n')
            time.sleep(1 / RATE)

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == '__main__':
    Stream.frames = int(sys.argv[2])
    server = ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Stream)
    print('ready', flush=True)
    server.serve_forever()
