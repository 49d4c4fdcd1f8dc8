"""H.264 of raw macroblocks, ITU-T H.264 (I_PCM, CAVLC): what no encoder at hand writes, such as a picture a field."""

import numpy as np

from .videos import SHAPE

_HEIGHT, _WIDTH = SHAPE[:2]
_BLOCK = 16
_I_PCM, _I_SLICES = 25, 7
_SPS, _PPS, _IDR, _PICTURE = 0x67, 0x68, 0x65, 0x61


class _Bits:
    def __init__(self):
        self._bits = []

    def put(self, value, width):
        self._bits += [value >> place & 1 for place in range(width - 1, -1, -1)]

    def golomb(self, *values):
        """Exp-Golomb codes of numbers that are not negative."""
        for value in values:
            width = (value + 1).bit_length()
            self.put(value + 1, 2 * width - 1)

    def align(self):
        self.put(0, -len(self._bits) % 8)

    def raw(self, values):
        self._bits += np.unpackbits(values).tolist()

    def unit(self, head):
        """The NAL unit, with the end mark and the bytes that keep start codes out."""
        self.put(1, 1)
        self.align()
        data, zeros, out = np.packbits(self._bits).tobytes(), 0, bytearray()
        for byte in data:
            if zeros == 2 and byte <= 3:
                out.append(3)
                zeros = 0
            out.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return b'\x00\x00\x00\x01' + bytes([head]) + bytes(out)


def parameter_sets(interlaced):
    """SPS and PPS, which tell nothing of how many frames are reordered."""
    sps = _Bits()
    for value in (77, 0, 30):  # Main profile, level 3
        sps.put(value, 8)
    sps.golomb(0, 4, 0, 4, 4)  # frame_num and order of pictures in 8 bits, 4 reference frames
    sps.put(0, 1)
    sps.golomb(_WIDTH // _BLOCK - 1, _HEIGHT // _BLOCK // (2 if interlaced else 1) - 1)
    sps.put(not interlaced, 1)
    if interlaced:
        sps.put(0, 1)  # no macroblocks of a frame in pairs
    sps.put(0b100, 3)  # direct 8x8 inference, no crop, no VUI
    pps = _Bits()
    pps.golomb(0, 0)
    pps.put(0, 2)
    pps.golomb(0, 0, 0)
    pps.put(0, 3)
    pps.golomb(0, 0, 0)
    pps.put(0b100, 3)  # the slices tell whether they are deblocked
    return sps.unit(_SPS) + pps.unit(_PPS)


def picture(image, number, order, interlaced=False, field=None):
    """The unit of a frame, or of its field 0 or 1, of an (h, w) image: number in decoding and in showing."""
    first = number == 0 and not field
    bits = _Bits()
    bits.golomb(0, _I_SLICES, 0)
    bits.put(number % 256, 8)
    if interlaced:
        bits.put(field is not None, 1)
    if field is not None:
        bits.put(field, 1)
        image = image[field::2]
    if first:
        bits.golomb(0)
    bits.put((2 * order + (field or 0)) % 256, 8)
    bits.put(0, 2 if first else 1)
    bits.golomb(0, 1)
    for top in range(0, len(image), _BLOCK):
        for left in range(0, _WIDTH, _BLOCK):
            bits.golomb(_I_PCM)
            bits.align()
            bits.raw(np.ascontiguousarray(image[top : top + _BLOCK, left : left + _BLOCK]).ravel())
            bits.raw(np.full(_BLOCK * _BLOCK // 2, 128, np.uint8))
    return bits.unit(_IDR if first else _PICTURE)
