"""The ring by itself, as somebody else's project finds it: installed, headers only, no driver."""

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import prefix

RING = prefix.EXAMPLES / "ring"


def two_processes(program):
    """The losses that the example printed one by one, and its two sums."""
    printed = prefix.run(program, timeout=120)
    losses = [int(count) for count in re.findall(r"^LOST (\d+) events from #\d+ on$", printed, re.MULTILINE)]
    sums = re.search(r"^delivered=(\d+) lost=(\d+)$", printed, re.MULTILINE)
    return losses, int(sums.group(1)), int(sums.group(2))


class Ring(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.installed = prefix.Installed()

    @classmethod
    def tearDownClass(cls):
        cls.installed.remove()

    def check_example(self, program):
        losses, delivered, lost = two_processes(program)
        self.assertEqual(delivered + lost, 100000)
        self.assertEqual(sum(losses), lost)
        self.assertGreater(lost, 0)
        self.assertGreater(delivered, 0)

    def test_embeds_between_two_processes(self):
        """Catches: a header that is not installed, or includes one that is not; a package that names the tree it was
        built in, or the prefix it was staged for; one that does not ask for C++20."""
        with prefix.Installed(staged=True) as staged:
            for place in (staged.prefix, self.installed.prefix):
                for compiler in prefix.COMPILERS:
                    with self.subTest(prefix=place, compiler=compiler), tempfile.TemporaryDirectory() as folder:
                        build = prefix.build_project(RING, place, folder, compiler)
                        self.check_example(build / "two_processes")

    def test_serves_projects_without_cmake(self):
        """Catches: what only CMake's files make work."""
        for name, (_, compiler) in prefix.COMPILERS.items():
            with self.subTest(compiler=name), tempfile.TemporaryDirectory() as folder:
                program = Path(folder) / "two_processes"
                prefix.run(compiler, "-std=c++20", "-O2", *prefix.WARNINGS, f"-I{self.installed.prefix}/include",
                           RING / "two_processes.cpp", "-o", program)
                self.check_example(program)

    def test_every_header_stands_alone(self):
        """Catches: a header that needs another one before it; one of C that is C++."""
        include = self.installed.prefix / "include"
        headers = sorted(path.relative_to(include) for path in include.rglob("*.h*"))
        self.assertGreater(len(headers), 10)
        for c, cxx in prefix.COMPILERS.values():
            for header in headers:
                languages = [(cxx, "c++", "c++20")] + ([(c, "c", "c11")] if header.suffix == ".h" else [])
                for compiler, language, standard in languages:
                    with self.subTest(header=header, compiler=compiler):
                        prefix.run(compiler, "-x", language, f"-std={standard}", "-fsyntax-only", *prefix.WARNINGS,
                                   f"-I{include}", "-", input=f'#include "{header}"\nint unit;\n')

    def test_says_its_version(self):
        """Catches: a package that satisfies whoever asks."""
        for wanted, found in (("1.0", True), ("1", True), ("0.9", False), ("2.0", False), ("1.99", False)):
            with self.subTest(wanted=wanted), tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "CMakeLists.txt").write_text(
                    "cmake_minimum_required(VERSION 3.25)\nproject(Asks LANGUAGES C)\n"
                    f"find_package(Aegis {wanted} REQUIRED)\n", encoding="utf-8")
                asked = subprocess.run(
                    ["cmake", "-S", folder, "-B", f"{folder}/build", f"-DCMAKE_PREFIX_PATH={self.installed.prefix}"],
                    capture_output=True, text=True, check=False)
                self.assertEqual(asked.returncode == 0, found, asked.stderr)


if __name__ == "__main__":
    unittest.main()
