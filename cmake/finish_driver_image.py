"""Finishes a linked driver image, in place, before it is signed: what GNU ld has no option for.

The import table and the resources get read-only sections (ld makes both writable; a loader fills the table before it
protects it), the load configuration gets its directory entry, and the sum in the header is made right again.

Usage: finish_driver_image.py <image>
"""

import struct
import sys

READ_ONLY = (b".idata", b".rsrc")
LOAD_CONFIG = b".ldcfg"
WRITABLE = 0x80000000
LOAD_CONFIG_DIRECTORY = 10

# Offsets in a PE32+ file, from the signature.
SECTION_COUNT = 6
OPTIONAL_HEADER_BYTES = 20
OPTIONAL_HEADER = 24
CHECKSUM = OPTIONAL_HEADER + 64
DIRECTORIES = OPTIONAL_HEADER + 112
SECTION_HEADER_BYTES = 40
CHARACTERISTICS = 36


def checksum(data, field):
    total = 0
    for offset in range(0, len(data), 2):
        if offset not in (field, field + 2):
            total += int.from_bytes(data[offset:offset + 2], "little")
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total + len(data)


def finish(data):
    pe = struct.unpack_from("<I", data, 0x3C)[0]
    if data[:2] != b"MZ" or data[pe:pe + 4] != b"PE\0\0" or struct.unpack_from("<H", data, pe + OPTIONAL_HEADER)[0] != 0x20B:
        raise ValueError("no 64-bit PE image")
    count = struct.unpack_from("<H", data, pe + SECTION_COUNT)[0]
    table = pe + OPTIONAL_HEADER + struct.unpack_from("<H", data, pe + OPTIONAL_HEADER_BYTES)[0]
    found = set()
    for header in range(table, table + count * SECTION_HEADER_BYTES, SECTION_HEADER_BYTES):
        name = bytes(data[header:header + 8]).rstrip(b"\0")
        found.add(name)
        if name in READ_ONLY:
            characteristics = struct.unpack_from("<I", data, header + CHARACTERISTICS)[0]
            struct.pack_into("<I", data, header + CHARACTERISTICS, characteristics & ~WRITABLE)
        if name == LOAD_CONFIG:
            size, address = struct.unpack_from("<II", data, header + 8)
            config = struct.unpack_from("<I", data, header + 20)[0]
            # The structure says its own size; the section may have been rounded up.
            declared = struct.unpack_from("<I", data, config)[0]
            if declared > size:
                raise ValueError("the load configuration is longer than its section")
            struct.pack_into("<II", data, pe + DIRECTORIES + 8 * LOAD_CONFIG_DIRECTORY, address, declared)
    missing = {*READ_ONLY, LOAD_CONFIG} - found
    if missing:
        raise ValueError(f"no section {', '.join(sorted(name.decode() for name in missing))}")
    struct.pack_into("<I", data, pe + CHECKSUM, checksum(data, pe + CHECKSUM))


def main(path):
    with open(path, "rb") as file:
        data = bytearray(file.read())
    try:
        finish(data)
    except ValueError as error:
        sys.exit(f"{path}: {error}")
    with open(path, "wb") as file:
        file.write(data)


if __name__ == "__main__":
    main(sys.argv[1])
