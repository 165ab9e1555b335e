"""Holds header and library to tests/abi/libaegis.txt: what programs that are out there were compiled against.

Usage: abi_test.py <libaegis.so or aegis.dll> [options of unittest]
"""

import difflib
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import abi

HERE = Path(__file__).resolve().parent
INCLUDE = HERE.parent.parent / "include"
LISTED = (HERE / "libaegis.txt").read_text(encoding="utf-8").splitlines()

REMEDY = """
What is listed must stay as it is for as long as the library is called libaegis.so.1. What was appended is listed with it:
    python3 tests/abi/abi.py include >tests/abi/libaegis.txt
"""

library = Path(sys.argv.pop(1))


def differences(found):
    return "\n".join(difflib.unified_diff(LISTED, found, "listed", "found", lineterm="", n=0))


def exported(file):
    return abi.exported_by_pe(file) if file.suffix == ".dll" else abi.exported_by_elf(file)


def expected(file):
    names = abi.function_names(LISTED)
    return ("aegis.dll", names) if file.suffix == ".dll" else ("libaegis.so.1", [f"{name}@@AEGIS_1" for name in names])


def library_of(names, folder):
    """A library that exports these, as the real one does."""
    folder = Path(folder)
    (folder / "names.c").write_text("".join(f"void {name}(void) {{}}\n" for name in names), encoding="utf-8")
    (folder / "names.map").write_text("AEGIS_1 { global: *; };\n", encoding="utf-8")
    if library.suffix == ".dll":
        file = folder / "aegis.dll"
        command = ["x86_64-w64-mingw32-gcc", "-shared", "-nostdlib", "-Wl,--entry=0", "-Wl,--export-all-symbols"]
    else:
        file = folder / "libaegis.so.1"
        command = ["gcc", "-shared", "-nostdlib", f"-Wl,-soname,{file.name}", f"-Wl,--version-script={folder}/names.map"]
    subprocess.run([*command, folder / "names.c", "-o", file], check=True)
    return file


class Abi(unittest.TestCase):
    maxDiff = None

    def test_the_header_says_what_is_listed(self):
        """Catches: a struct, function or constant that changed; one whose layout Windows sees differently."""
        for target in abi.TARGETS:
            with self.subTest(target=target):
                self.assertEqual("", differences(abi.interface(INCLUDE, target)), REMEDY)

    def test_the_library_exports_what_is_listed(self):
        """Catches: a function that is declared and not there; one of its inside that shows; another version or name."""
        self.assertEqual(expected(library), exported(library), REMEDY)

    def test_a_changed_header_is_noticed(self):
        client, control = "client.h", "ioctl.h"
        changes = (
            (client, "    uint64_t max_lag; ", "    uint64_t new_field;\n    uint64_t max_lag; ", "field in between"),
            (client, "#define AEGIS_STATS_REASONS 16U", "#define AEGIS_STATS_REASONS 17U", "longer struct"),
            (client, "    uint32_t reason;", "    int32_t reason;", "type of a field"),
            (client, "    uint32_t kind;", "    uint32_t sort;", "name of a field"),
            (client, "(-17)", "(-18)", "value of a constant"),
            (client, "uint32_t aegis_version(void)", "uint64_t aegis_version(void)", "type of a result"),
            (client, "aegis_visitor visit, void* context, uint32_t count", "aegis_visitor visit, void* context, uint64_t count",
             "type of a parameter"),
            (client, "(*aegis_visitor)(void* context", "(*aegis_visitor)(const void* context", "type of a callback"),
            (client, "AEGIS_API uint32_t aegis_version", "AEGIS_API uint32_t aegis_added(void) AEGIS_NOEXCEPT;\n"
             "AEGIS_API uint32_t aegis_version", "function more"),
            (client, "AEGIS_API void aegis_resume(aegis_client* client) AEGIS_NOEXCEPT;", "", "function less"),
            (control, "    uint32_t ProcessId; /* owner", "    int32_t ProcessId; /* owner", "struct inside of another"),
        )
        for header, before, after, what in changes:
            with self.subTest(change=what), tempfile.TemporaryDirectory() as folder:
                include = Path(shutil.copytree(INCLUDE, Path(folder) / "include"))
                file = include / "aegis" / header
                text = file.read_text(encoding="utf-8")
                self.assertEqual(text.count(before), 1, "the text to change")
                # The header's own assertions would already notice some.
                text = text.replace(before, after).replace("AEGIS_STATIC_ASSERT(sizeof", "AEGIS_STATIC_ASSERT(1 || sizeof")
                file.write_text(text, encoding="utf-8")
                self.assertNotEqual("", differences(abi.interface(include)))

    def test_a_changed_library_is_noticed(self):
        names = abi.function_names(LISTED)
        with tempfile.TemporaryDirectory() as folder:
            same = library_of(names, folder)
            self.assertEqual(expected(same), exported(same))
            for changed in (names[1:], names + ["aegis_added"], names + ["inside"]):
                self.assertNotEqual(expected(same), exported(library_of(changed, folder)))


if __name__ == "__main__":
    unittest.main()
