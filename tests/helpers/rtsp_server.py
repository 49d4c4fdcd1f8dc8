"""A camera at an address, as a process: ``python rtsp_server.py PORT FRAMES``.

It streams numbered images as H.264 by RTSP, in RTP packets within the connection, as network cameras do. The images go
on with the time, whether somebody is connected or not. After FRAMES of them it breaks a connection off.
"""

import itertools
import socketserver
import struct
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import av

if TYPE_CHECKING or __package__:  # else it runs as a script, from its own folder
    from .frames import BITS, numbered
else:
    from frames import BITS, numbered

RATE = 50
CLOCK = 90_000  # ticks a second, for each video
MOST = 1400  # bytes of a packet
BEGIN = time.monotonic()
SDP = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=camera
c=IN IP4 0.0.0.0
t=0 0
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1
a=control:track
"""


def nal_units(stream: bytes) -> list[bytes]:
    """Return the units between the start codes of a packet of the encoder."""
    return [unit.rstrip(b'\0') for unit in stream.replace(b'\0\0\0\1', b'\0\0\1').split(b'\0\0\1') if unit]


def payloads(unit: bytes) -> Iterator[bytes]:
    """Return a unit as payloads of RTP: itself, or fragments of type FU-A."""
    if len(unit) <= MOST:
        yield unit
        return
    parts = [unit[at : at + MOST] for at in range(1, len(unit), MOST)]
    for index, part in enumerate(parts):
        begins, ends = index == 0, index == len(parts) - 1
        yield bytes([unit[0] & 0xE0 | 28, begins << 7 | ends << 6 | unit[0] & 0x1F]) + part


class Stream(socketserver.StreamRequestHandler):
    """Talks to one client."""

    frames = 0

    def handle(self) -> None:
        while request := self._request():
            method, number, transport = request
            if method == 'DESCRIBE':
                self._answer(number, ['Content-Type: application/sdp'], SDP.replace('\n', '\r\n'))
            elif method == 'SETUP' and 'TCP' not in transport:  # older versions of OpenCV first ask for UDP
                self._answer(number, [], status='461 Unsupported Transport')
            elif method == 'SETUP':
                self._answer(number, [f'Transport: {transport}', 'Session: 1'])
            else:
                self._answer(number, ['Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN', 'Session: 1'])
            if method == 'PLAY':
                self._play()
                return

    def _request(self) -> tuple[str, str, str] | None:
        lines = [line.decode().strip() for line in iter(self.rfile.readline, b'\r\n') if line]
        if not lines:
            return None
        heads = dict(line.split(': ', 1) for line in lines[1:])
        return lines[0].split()[0], heads['CSeq'], heads.get('Transport', '')

    def _answer(self, number: str, heads: list[str], body: str = '', status: str = '200 OK') -> None:
        lines = [f'RTSP/1.0 {status}', f'CSeq: {number}', *heads, f'Content-Length: {len(body)}', '', body]
        self.wfile.write('\r\n'.join(lines).encode())

    def _play(self) -> None:
        encoder = av.CodecContext.create('libx264', 'w')
        encoder.width, encoder.height, encoder.pix_fmt = 96, 64, 'yuv420p'
        encoder.options = {'preset': 'ultrafast', 'tune': 'zerolatency', 'g': '10', 'crf': '10'}
        sequence = itertools.count()
        first = int((time.monotonic() - BEGIN) * RATE) + 1
        for index in range(first, first + self.frames):
            time.sleep(max(0.0, BEGIN + index / RATE - time.monotonic()))
            image = av.VideoFrame.from_ndarray(numbered(index % 2**BITS, (64, 96, 3)), format='bgr24')
            units = [unit for packet in encoder.encode(image) for unit in nal_units(bytes(packet))]
            for at, unit in enumerate(units):
                for payload in payloads(unit):
                    is_last = at == len(units) - 1 and (payload is unit or bool(payload[1] & 0x40))
                    self._send(payload, next(sequence), index, is_last)

    def _send(self, payload: bytes, sequence: int, index: int, is_last: bool) -> None:
        stamp = index * CLOCK // RATE
        head = struct.pack('>BBHII', 0x80, is_last << 7 | 96, sequence % 2**16, stamp % 2**32, 1)
        self.wfile.write(struct.pack('>cBH', b'$', 0, len(head) + len(payload)) + head + payload)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone is no error."""


if __name__ == '__main__':
    Stream.frames = int(sys.argv[2])
    with Server(('127.0.0.1', int(sys.argv[1])), Stream) as server:
        print('ready', flush=True)
        server.serve_forever()
