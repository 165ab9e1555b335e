"""aegis.dll as somebody else's program finds it: built with mingw against the package that `make windows` makes, in a folder
outside the tree, and run under Wine.

Usage: library_package_test.py <cmake> <build tree> <C compiler> <C++ compiler> <objdump> <Wine prefix> <version string>
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

cmake, tree, c, cxx, objdump, wine_prefix, version = sys.argv[1:]

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "library_user.c"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]
LANGUAGES = {"C": [c, "-x", "c", "-std=c11"], "C++": [cxx, "-x", "c++", "-std=c++20"]}
LINKS = {"by the import library's jumps": [], "by the import table": ["-DAEGIS_CLIENT_SHARED"]}
# As include/aegis/client.h has it.
NO_DRIVER = -17


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=100, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


class Library(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="aegis-windows-")
        cls.package = Path(cls.folder.name)
        run(cmake, "--install", tree, "--prefix", cls.package)
        cls.programs = {(language, link): cls.build(language, link) for language in LANGUAGES for link in LINKS}

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def build(cls, language, link):
        """Beside aegis.dll, where Windows looks for it first."""
        object_file = cls.package / f"user{len(list(cls.package.glob('user*.o')))}.o"
        program = object_file.with_suffix(".exe")
        run(*LANGUAGES[language], *WARNINGS, *LINKS[link], f"-I{cls.package}/include", "-c", SOURCE, "-o", object_file)
        run(LANGUAGES[language][0], object_file, f"-L{cls.package}/lib", "-laegis", "-o", program)
        return program

    def start(self, program, *arguments):
        printed = run(HERE / "under_wine.sh", wine_prefix, program, *arguments, cwd=self.package)
        return dict(line.split("=", 1) for line in printed.splitlines())

    # Catches: a header or the import library missing from the package; a DLL that does not load beside nothing but
    # Windows; another version; an error that does not say which device, or leaves the user alone.
    def test_says_what_to_do_where_no_driver_is(self):
        for (language, link), program in self.programs.items():
            for arguments, device in (((), r"\\.\AegisMon"), ((r"\\.\NobodyIsThere",), r"\\.\NobodyIsThere")):
                with self.subTest(language=language, link=link, device=device):
                    said = self.start(program, *arguments)
                    self.assertEqual(said["version"], version)
                    self.assertEqual(int(said["result"]), NO_DRIVER)
                    self.assertEqual(said["means"], "no driver is there")
                    self.assertIn(f"cannot open {device}: ", said["says"])
                    self.assertIn("install.ps1 installs and starts it", said["says"])

    # Catches: a program that got the library's code into itself, and none of the later releases' mends.
    def test_is_loaded_and_not_linked_in(self):
        for (language, link), program in self.programs.items():
            with self.subTest(language=language, link=link):
                self.assertIn("DLL Name: aegis.dll", run(objdump, "-p", program))

    # Catches: AEGIS_CLIENT_SHARED that declares nothing as imported, or a header that declares it whoever asks.
    def test_a_program_that_says_so_calls_without_a_jump(self):
        for (language, link), program in self.programs.items():
            with self.subTest(language=language, link=link):
                symbols = run(objdump, "-t", program.with_suffix(".o"))
                called = set(re.findall(r"\b((?:__imp_)?aegis_\w+)$", symbols, re.MULTILINE))
                prefix = "__imp_" if LINKS[link] else ""
                self.assertEqual(called, {f"{prefix}aegis_{name}" for name in
                                          ("close", "last_error", "open", "strerror", "version")})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
