"""What `make windows` puts into out/windows: everything an installation needs, and no more.

Usage: package_test.py <cmake> <build tree> [further programs that this tree builds…]
"""

import os
import subprocess
import sys
import tempfile
import unittest

cmake, tree, *programs = sys.argv[1:]

PACKAGE = {"AegisAgent.exe", "AegisMon.sys", "AegisTest.cer", "INSTALL.txt", "certificates.ps1", "install.ps1",
           "service-errors.ps1", "stop-driver.ps1", "uninstall.ps1", os.path.join("test", "AegisMonTest.sys"),
           "aegis.dll", os.path.join("lib", "libaegis.dll.a"),
           *(os.path.join("include", "aegis", name)
             for name in ("client.h", "event.h", "ioctl.h", "policy.h", "ring_layout.h", "version.h")), *programs}


class Package(unittest.TestCase):
    # Catches: a file that was forgotten; a private key, an unsigned image or a test program that slipped in; the test
    # driver beside the shipped one.
    def test_holds_exactly_these_files(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([cmake, "--install", tree, "--prefix", folder], check=True, capture_output=True)
            found = {os.path.relpath(os.path.join(path, name), folder)
                     for path, _, names in os.walk(folder) for name in names}
        self.assertEqual(found, PACKAGE)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
