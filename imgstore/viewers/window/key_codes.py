"""Names of keys from OpenCV's codes, which differ between window systems."""

from __future__ import annotations

_CODES = {
    # X11's keysyms from Qt and GTK, also of the number pad; Windows' virtual keys, shifted; macOS's
    'Left': (0xFF51, 0xFF96, 0x250000, 0xF702),
    'Up': (0xFF52, 0xFF97, 0x260000, 0xF700),
    'Right': (0xFF53, 0xFF98, 0x270000, 0xF703),
    'Down': (0xFF54, 0xFF99, 0x280000, 0xF701),
    'PageUp': (0xFF55, 0xFF9A, 0x210000, 0xF72C),
    'PageDown': (0xFF56, 0xFF9B, 0x220000, 0xF72D),
    'Home': (0xFF50, 0xFF95, 0x240000, 0xF729),
    'End': (0xFF57, 0xFF9C, 0x230000, 0xF72B),
    'Enter': (0x0D, 0x0A, 0xFF0D, 0xFF8D),
    'Escape': (0x1B, 0xFF1B),
    'Backspace': (0x08, 0x7F, 0xFF08),
    '+': (0xFFAB,),
    '-': (0xFFAD,),
    '.': (0xFFAE,),
    **{str(digit): (0xFFB0 + digit,) for digit in range(10)},
}
_NAMES = {code: name for name, codes in _CODES.items() for code in codes}

_SHIFT, _CONTROL_OR_ALT = 0x1, 0xC  # of GTK, above the 16 bits of the key


def key_name(code: int) -> str:
    """Return the name of a key.

    Parameters
    ----------
    code : int
        Code from ``cv2.waitKeyEx``.

    Returns
    -------
    str
        The character in lower case, or a name such as 'Left' or 'Home'. A name begins with 'Shift+' if Shift is held
        and the system reports it (Qt does not). '' for no key, for a modifier alone, and with Control or Alt, since the
        system may use those.
    """
    key, held = code & 0xFFFF, code >> 16
    if code < 0 or not key:
        return _NAMES.get(code, '')
    if held & _CONTROL_OR_ALT:
        return ''
    if 0x20 <= key < 0x7F:
        return chr(key).lower()
    name = _NAMES.get(key, '')
    return f'Shift+{name}' if name and held & _SHIFT else name
