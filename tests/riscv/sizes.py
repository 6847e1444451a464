#!/usr/bin/env python3
"""sizes.py MAP: what each part takes of a program's memory, from the linker's map.

Prints a table in bytes and, last, `total CODE CONSTANTS DATA ZEROED`.
"""

import collections
import pathlib
import re
import sys

KINDS = {'text': 'code', 'init': 'code', 'rodata': 'constants', 'srodata': 'constants',
         'data': 'data', 'sdata': 'data', 'bss': 'zeroed', 'sbss': 'zeroed', 'tbss': 'zeroed'}
COLUMNS = ('code', 'constants', 'data', 'zeroed')


def part_of(file):
    name = re.sub(r'.*[/(]|\)$|(\.cc?)?\.o\)?$', '', file)
    if 'libgcc' in file:
        return "the compiler's arithmetic"
    if 'picolibc' in file or 'libc.a' in file or 'libm.a' in file:
        return 'the C library'
    return 'nanopb' if name.startswith('pb_') else name


def sections(text):
    """(section, size, file) of what was linked in; long names have a line of their own."""
    linked = text.split('Linker script and memory map', 1)[1]
    row = r'^ \.(\w+)\S*\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S.*)$'
    for name, address, size, file in re.findall(row, linked, re.MULTILINE):
        if int(address, 16) > 0 and name in KINDS:
            yield KINDS[name], int(size, 16), file


parts = collections.defaultdict(collections.Counter)
for kind, size, file in sections(pathlib.Path(sys.argv[1]).read_text()):
    parts[part_of(file)][kind] += size
total = collections.Counter()
print(f"{'part':26}" + ''.join(f'{column:>11}' for column in COLUMNS))
for part, sizes in sorted(parts.items(), key=lambda row: -sum(row[1].values())):
    if sum(sizes.values()) == 0:
        continue
    print(f'{part:26}' + ''.join(f'{sizes[column]:11}' for column in COLUMNS))
    total.update(sizes)
print('total ' + ' '.join(str(total[column]) for column in COLUMNS))
