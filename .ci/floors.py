"""Print, for pip, the lowest version of every package that a wheel's requirements allow.

Usage: python floors.py WHEEL EXTRA
"""

import re
import sys
import zipfile
from email.parser import Parser


def floors(wheel: str, extra: str) -> list[str]:
    """Return each requirement of the wheel and of its extra that has a floor, pinned there."""
    with zipfile.ZipFile(wheel) as file:
        path = next(name for name in file.namelist() if name.endswith('.dist-info/METADATA'))
        needs = Parser().parsestr(file.read(path).decode()).get_all('Requires-Dist', [])
    wanted = [need for need in needs if ';' not in need or extra in need.partition(';')[2]]
    found = [re.match(r'([\w.,[\]-]+)\s*>=\s*([\w.]+)', need) for need in wanted]
    return [f'{match[1]}=={match[2]}.*' for match in found if match]


if __name__ == '__main__':
    print('\n'.join(floors(*sys.argv[1:])))
