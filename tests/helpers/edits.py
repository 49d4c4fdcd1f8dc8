"""Every change of a file that a fault or a foe could make."""

import struct
import time
from contextlib import contextmanager

from hypothesis import strategies as st

SECONDS, MEBIBYTES = 5, 300


def peak_kib():
    """What the process has held at most since it was last asked, where the system tells."""
    try:
        with open('/proc/self/status') as status:
            kib = next(int(line.split()[1]) for line in status if line.startswith('VmHWM'))
        with open('/proc/self/clear_refs', 'w') as peak:
            peak.write('5')
    except OSError:
        return 0
    return kib


@contextmanager
def soon_and_in_little_memory():
    peak_kib()
    before, begin = peak_kib(), time.monotonic()
    yield
    assert time.monotonic() - begin < SECONDS
    assert peak_kib() - before < MEBIBYTES * 1024


def edits(longest):
    """Changes of a few places of a file, as (place, how many bytes are replaced, by what)."""
    values = st.one_of(
        st.binary(max_size=9),
        st.sampled_from(
            [
                struct.pack(form, value)
                for form in ('<b', '>h', '<h', '>i', '<i', '>q', '<q')
                for value in (0, 1, -1, 127, -128)
            ]
        ),
        st.sampled_from(
            [
                b'\xff\xff\xff\x7f',
                b'\x7f\xff\xff\xff',
                b'\xff' * 8,
                b'[' * 500,
                b'&a [*a]',
                b'1e999',
                b'.nan',
                b'"\\ud800"',
                b'99999999999999999999',
                b'null',
                b'{}',
                b'-',
            ]
        ),
    )
    return st.lists(st.tuples(st.integers(0, longest), st.integers(0, 8), values), min_size=1, max_size=4)


def edited(content, changes, cut):
    for place, length, value in changes:
        place %= len(content) + 1
        content = content[:place] + value + content[place + length :]
    return content[:cut]
