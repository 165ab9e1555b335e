"""Reads what a loader reads of a 64-bit PE image: headers, directories, imports, version resource."""

import struct

MACHINE_AMD64 = 0x8664
FILE_RELOCS_STRIPPED = 0x0001
SUBSYSTEM_NATIVE = 1
DLL_HIGH_ENTROPY_VA = 0x0020
DLL_DYNAMIC_BASE = 0x0040
DLL_FORCE_INTEGRITY = 0x0080
DLL_NX_COMPAT = 0x0100
SECTION_EXECUTE = 0x20000000
SECTION_WRITE = 0x80000000

EXPORT, IMPORT, RESOURCE, EXCEPTION, SECURITY, RELOCATION = range(6)
TLS, LOAD_CONFIG, IMPORT_ADDRESSES, DELAY_IMPORT = 9, 10, 12, 13

_RESOURCE_VERSION = 16
_FIXED_INFO_SIGNATURE = 0xFEEF04BD
_COOKIE_OFFSET = 0x58


class Section:
    def __init__(self, name, virtual_size, address, raw_size, raw_offset, characteristics):
        self.name = name
        self.address = address
        self.size = max(virtual_size, raw_size)
        self.raw_offset = raw_offset
        self.characteristics = characteristics


class PeImage:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        pe = self._u32(0x3C)
        if self.data[:2] != b"MZ" or self.data[pe:pe + 4] != b"PE\0\0":
            raise ValueError(f"{path} is no PE image")
        self.machine, sections = struct.unpack_from("<HH", self.data, pe + 4)
        optional_bytes, self.characteristics = struct.unpack_from("<HH", self.data, pe + 20)
        optional = pe + 24
        if self._u16(optional) != 0x20B:
            raise ValueError(f"{path} is no 64-bit image")
        self.entry = self._u32(optional + 16)
        self.base = struct.unpack_from("<Q", self.data, optional + 24)[0]
        self.checksum_offset = optional + 64
        self.checksum = self._u32(self.checksum_offset)
        self.subsystem, self.dll_characteristics = struct.unpack_from("<HH", self.data, optional + 68)
        self.directories = [struct.unpack_from("<II", self.data, optional + 112 + 8 * i)
                            for i in range(self._u32(optional + 108))]
        self.sections = []
        for i in range(sections):
            name, virtual_size, address, raw_size, raw_offset, _, _, _, _, characteristics = struct.unpack_from(
                "<8sIIIIIIHHI", self.data, optional + optional_bytes + 40 * i)
            self.sections.append(Section(name.rstrip(b"\0").decode(), virtual_size, address, raw_size, raw_offset,
                                         characteristics))

    def has_directory(self, index):
        address, size = self.directories[index]
        return address != 0 and size != 0

    def section_of(self, address):
        for section in self.sections:
            if section.address <= address < section.address + section.size:
                return section
        raise ValueError(f"no section holds 0x{address:x}")

    def imports(self):
        """{library in lower case: [function names]}"""
        result = {}
        if not self.has_directory(IMPORT):
            return result
        descriptor = self._offset(self.directories[IMPORT][0])
        while True:
            lookup, _, _, name, _ = struct.unpack_from("<IIIII", self.data, descriptor)
            if name == 0:
                return result
            functions = result.setdefault(self._string(self._offset(name)).lower(), [])
            entry = self._offset(lookup)
            while (thunk := struct.unpack_from("<Q", self.data, entry)[0]) != 0:
                if thunk >> 63:
                    functions.append(f"ordinal {thunk & 0xFFFF}")
                else:
                    functions.append(self._string(self._offset(thunk) + 2))
                entry += 8
            descriptor += 20

    def security_cookie(self):
        """(address relative to the base, initial value) of the cookie that the load configuration names."""
        address, size = self.directories[LOAD_CONFIG]
        config = self._offset(address)
        if self._u32(config) != size or size < _COOKIE_OFFSET + 8:
            raise ValueError("the load configuration is too short")
        cookie = struct.unpack_from("<Q", self.data, config + _COOKIE_OFFSET)[0] - self.base
        return cookie, struct.unpack_from("<Q", self.data, self._offset(cookie))[0]

    def relocations(self):
        """Addresses (relative to the base) that a loader adjusts."""
        result = []
        if not self.has_directory(RELOCATION):
            return result
        address, size = self.directories[RELOCATION]
        block, end = self._offset(address), self._offset(address) + size
        while block < end:
            page, block_bytes = struct.unpack_from("<II", self.data, block)
            for entry in struct.unpack_from(f"<{(block_bytes - 8) // 2}H", self.data, block + 8):
                if entry >> 12 != 0:
                    result.append(page + (entry & 0xFFF))
            block += block_bytes
        return result

    def function_table(self):
        """[(begin, end, unwind information)] of .pdata."""
        address, size = self.directories[EXCEPTION]
        offset = self._offset(address)
        return [struct.unpack_from("<III", self.data, offset + 12 * i) for i in range(size // 12)]

    def computed_checksum(self):
        """The sum that Windows compares with the header's before it loads a driver."""
        data = bytearray(self.data)
        data[self.checksum_offset:self.checksum_offset + 4] = bytes(4)
        total = sum(struct.unpack(f"<{len(data) // 2}H", data[:len(data) // 2 * 2]))
        if len(data) % 2:
            total += data[-1]
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return total + len(data)

    def file_version(self):
        """(major, minor, patch, build) of the version resource's fixed part."""
        block = self._version_resource()
        fixed = self.data.index(struct.pack("<I", _FIXED_INFO_SIGNATURE), *block)
        high, low = struct.unpack_from("<II", self.data, fixed + 8)
        return high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF

    def version_string(self, key):
        """The value of one string of the version resource; None when it has no such string."""
        begin, end = self._version_resource()
        wanted = (key + "\0").encode("utf-16-le")
        position = self.data.find(wanted, begin, end)
        if position < 0:
            return None
        header = position - 6
        units = self._u16(header + 2)
        # The value starts on the next multiple of four, counted from the resource's start.
        value = begin + ((position + len(wanted) - begin + 3) & ~3)
        return self.data[value:value + 2 * units].decode("utf-16-le").rstrip("\0")

    def _version_resource(self):
        root = self._offset(self.directories[RESOURCE][0])
        entry = self._resource_entry(root, root, _RESOURCE_VERSION)
        while entry & 0x80000000:
            entry = self._resource_entry(root, root + (entry & 0x7FFFFFFF), None)
        address, size = struct.unpack_from("<II", self.data, root + entry)
        begin = self._offset(address)
        return begin, begin + size

    def _resource_entry(self, root, directory, wanted):
        named, numbered = struct.unpack_from("<HH", self.data, directory + 12)
        for i in range(named + numbered):
            identifier, target = struct.unpack_from("<II", self.data, directory + 16 + 8 * i)
            if wanted is None or identifier == wanted:
                return target
        raise ValueError(f"no resource of type {wanted}")

    def _offset(self, address):
        section = self.section_of(address)
        return section.raw_offset + address - section.address

    def _string(self, offset):
        return self.data[offset:self.data.index(b"\0", offset)].decode("ascii")

    def _u16(self, offset):
        return struct.unpack_from("<H", self.data, offset)[0]

    def _u32(self, offset):
        return struct.unpack_from("<I", self.data, offset)[0]
