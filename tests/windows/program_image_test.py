"""AegisAgent.exe, AegisBench.exe and aegis.dll: one file each, hardened, that needs nothing but Windows.

Usage: program_image_test.py <image> <version string>
"""

import os
import sys
import unittest

import pe_image
from pe_image import PeImage

path, version = sys.argv[1:3]

# Part of every Windows 10. No runtime of the compiler is.
SYSTEM_LIBRARIES = {"advapi32.dll", "kernel32.dll", "msvcrt.dll", "ntdll.dll", "shell32.dll", "user32.dll",
                    "ws2_32.dll"}


class ProgramImage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.image = PeImage(path)

    # Catches: a link against libstdc++-6.dll, libgcc_s_seh-1.dll or libwinpthread-1.dll.
    def test_imports_only_libraries_of_windows(self):
        imports = self.image.imports()
        self.assertIn("kernel32.dll", imports)
        self.assertEqual(set(imports) - SYSTEM_LIBRARIES, set())

    # Catches: a link without --nxcompat, --dynamicbase or --high-entropy-va.
    def test_is_hardened(self):
        for flag in (pe_image.DLL_NX_COMPAT, pe_image.DLL_DYNAMIC_BASE, pe_image.DLL_HIGH_ENTROPY_VA):
            self.assertTrue(self.image.dll_characteristics & flag, hex(flag))
        self.assertGreater(len(self.image.relocations()), 0)

    # Catches: a missing version resource, or one that states another version than include/aegis/version.h.
    def test_version_resource_states_the_product_version(self):
        self.assertEqual(self.image.file_version(), tuple(map(int, version.split("."))) + (0,))
        self.assertEqual(self.image.version_string("ProductVersion"), version)
        self.assertEqual(self.image.version_string("OriginalFilename"), os.path.basename(path))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
