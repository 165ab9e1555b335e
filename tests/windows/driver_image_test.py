"""What Windows demands of the driver images before it loads them, and what we demand of them before we ship them.

Usage: driver_image_test.py <AegisMon.sys> <AegisMonTest.sys> <version string>
"""

import os
import re
import struct
import sys
import unittest

import pe_image
from pe_image import PeImage

# AEGIS_IOCTL_TEST_PUBLISH as the compiler puts it into an instruction.
TEST_IOCTL = struct.pack("<I", 0x22E3C0)
TEST_PATH = "synthetic.exe".encode("utf-16-le")
# What the test driver tells Wine by, where it lets in openers that nobody vouches for.
WINE_EXPORT = "wine_ntoskrnl_main_loop".encode("utf-16-le")
KERNEL_EXPORTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernel_exports.txt")

shipped_path, test_path, version = sys.argv[1:4]


def allowed_imports():
    with open(KERNEL_EXPORTS, encoding="ascii") as file:
        return {line.split()[0] for line in file if line.strip() and not line.startswith("#")}


class EveryDriverImage:
    path = None

    @classmethod
    def setUpClass(cls):
        cls.image = PeImage(cls.path)

    # Catches: linking as a console program; loading it as a driver would fail.
    def test_is_a_native_64_bit_image(self):
        self.assertEqual(self.image.machine, pe_image.MACHINE_AMD64)
        self.assertEqual(self.image.subsystem, pe_image.SUBSYSTEM_NATIVE)

    # Catches: a link without --forceinteg; PsSetCreateProcessNotifyRoutineEx and …Ex2 would deny access.
    def test_forces_integrity_checks(self):
        self.assertTrue(self.image.dll_characteristics & pe_image.DLL_FORCE_INTEGRITY)

    # Catches: a link without --nxcompat, --dynamicbase or --high-entropy-va.
    def test_is_no_execute_and_movable(self):
        for flag in (pe_image.DLL_NX_COMPAT, pe_image.DLL_DYNAMIC_BASE, pe_image.DLL_HIGH_ENTROPY_VA):
            self.assertTrue(self.image.dll_characteristics & flag, hex(flag))
        self.assertFalse(self.image.characteristics & pe_image.FILE_RELOCS_STRIPPED)

    # Catches: an image without a relocation directory.
    def test_has_relocations(self):
        self.assertGreater(len(self.image.relocations()), 0)

    # Catches: a section that memory integrity (HVCI) refuses to map.
    def test_no_section_is_writable_and_executable(self):
        for section in self.image.sections:
            self.assertFalse(section.characteristics & pe_image.SECTION_WRITE and
                             section.characteristics & pe_image.SECTION_EXECUTE, section.name)

    # Catches: an image that was not finished after the link: GNU ld makes both writable, and an import table that can be
    # written is a list of every function the driver calls in the kernel.
    def test_import_table_and_resources_are_read_only(self):
        for directory in (pe_image.IMPORT, pe_image.IMPORT_ADDRESSES, pe_image.RESOURCE):
            section = self.image.section_of(self.image.directories[directory][0])
            self.assertFalse(section.characteristics & pe_image.SECTION_WRITE, section.name)

    # Catches: more data that can be written than variables.
    def test_only_variables_are_writable(self):
        writable = {section.name for section in self.image.sections
                    if section.characteristics & pe_image.SECTION_WRITE}
        self.assertLessEqual(writable, {".data", ".bss"})

    # Catches: a load configuration that the kernel does not find, or a cookie that it would not replace by a random one:
    # it does so only where it finds exactly this value, in memory that can be written.
    def test_kernel_finds_the_stack_cookie_and_chooses_it(self):
        self.assertTrue(self.image.has_directory(pe_image.LOAD_CONFIG))
        address, value = self.image.security_cookie()
        self.assertEqual(value, 0x00002B992DDFA232)
        self.assertTrue(self.image.section_of(address).characteristics & pe_image.SECTION_WRITE)

    # Catches: the load configuration's address left out of the relocations; a moved image would have a wild pointer there.
    def test_load_configuration_is_relocated(self):
        self.assertIn(self.image.directories[pe_image.LOAD_CONFIG][0] + 0x58, self.image.relocations())

    # Catches: cookies that are never compared, or whose failure does not stop the machine.
    def test_an_overrun_stack_buffer_stops_the_machine(self):
        self.assertIn("KeBugCheckEx", self.image.imports()["ntoskrnl.exe"])

    # Catches: a link as a DLL.
    def test_exports_nothing(self):
        self.assertFalse(self.image.has_directory(pe_image.EXPORT))

    # Catches: a C runtime, a user-mode library, thread-local storage, a delayed import.
    def test_imports_from_the_kernel_alone(self):
        self.assertLessEqual(set(self.image.imports()), {"ntoskrnl.exe", "hal.dll"})
        self.assertIn("ntoskrnl.exe", self.image.imports())
        self.assertFalse(self.image.has_directory(pe_image.TLS))
        self.assertFalse(self.image.has_directory(pe_image.DELAY_IMPORT))

    # Catches: a function that Windows 10 1809 does not export.
    def test_imports_only_what_the_oldest_kernel_exports(self):
        imported = {name for names in self.image.imports().values() for name in names}
        self.assertEqual(imported - allowed_imports(), set())

    # Catches: code without unwind data, which would turn the first exception below it into a bugcheck.
    def test_code_has_unwind_data(self):
        table = self.image.function_table()
        self.assertGreater(len(table), 0)
        for begin, end, unwind in table:
            self.assertLess(begin, end)
            self.assertTrue(self.image.section_of(begin).characteristics & pe_image.SECTION_EXECUTE)
            self.assertFalse(self.image.section_of(unwind).characteristics & pe_image.SECTION_WRITE)

    # Catches: an entry point outside the code, or none.
    def test_entry_point_is_code_with_unwind_data(self):
        self.assertTrue(any(begin <= self.image.entry < end for begin, end, _ in self.image.function_table()))

    # Catches: a signing tool that leaves the sum of the unsigned file; Windows then refuses the driver.
    def test_checksum_is_right(self):
        self.assertEqual(self.image.checksum, self.image.computed_checksum())

    # Catches: an image that was not signed.
    def test_carries_a_signature(self):
        self.assertTrue(self.image.has_directory(pe_image.SECURITY))

    # Catches: a missing version resource, or one that states another version than include/aegis/version.h.
    def test_version_resource_states_the_product_version(self):
        self.assertEqual(self.image.file_version(), tuple(map(int, version.split("."))) + (0,))
        self.assertEqual(self.image.version_string("FileVersion"), version)
        self.assertEqual(self.image.version_string("OriginalFilename"), os.path.basename(self.path))

    # Catches: a build path or the name of the machine in the image.
    def test_contains_no_path_of_the_build(self):
        self.assertIsNone(re.search(rb"/[\w.-]+/[\w.-]+\.(cpp|hpp|h|S)\b", self.image.data))


class ShippedDriver(EveryDriverImage, unittest.TestCase):
    path = shipped_path

    # Catches: a shipped driver that was linked with the test interface. TestDriver shows that the pattern finds it.
    def test_has_no_test_interface(self):
        self.assertNotIn(TEST_IOCTL, self.image.data)
        self.assertNotIn(TEST_PATH, self.image.data)

    # Catches: a shipped driver that was linked with the exception for Wine.
    def test_has_no_exception_for_wine(self):
        self.assertNotIn(WINE_EXPORT, self.image.data)


class TestDriver(EveryDriverImage, unittest.TestCase):
    path = test_path

    def test_has_the_test_interface(self):
        self.assertIn(TEST_IOCTL, self.image.data)
        self.assertIn(TEST_PATH, self.image.data)

    def test_has_the_exception_for_wine(self):
        self.assertIn(WINE_EXPORT, self.image.data)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
