"""Installs into a folder outside the tree the way a user does, and builds what a stranger writes against it."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(os.environ["AEGIS_SOURCE"])
EXAMPLES = SOURCE / "docs" / "examples"
COMPILERS = {"gcc": ("gcc", "g++"), "clang": ("clang", "clang++")}
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]


def run(*command, **options):
    """Runs a command that must succeed, and gives what it printed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


class Installed:
    """`make install` into a new folder: staged below DESTDIR, for a prefix that does not exist here, or into PREFIX."""

    def __init__(self, staged=False):
        self._folder = tempfile.TemporaryDirectory(prefix="aegis-install-")
        self.folder = Path(self._folder.name)
        os.chmod(self.folder, 0o755)
        where = {"PREFIX": "/opt/aegis", "DESTDIR": self.folder} if staged else {"PREFIX": self.folder, "DESTDIR": ""}
        run("make", "-C", SOURCE, "install", *(f"{name}={value}" for name, value in where.items()),
            env={name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))})
        self.prefix = self.folder / "opt" / "aegis" if staged else self.folder

    def remove(self):
        self._folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


def build_project(project, prefix, folder, compiler):
    """Builds a copy of a CMake project in a clean folder, against an installed prefix."""
    c, cxx = COMPILERS[compiler]
    source = Path(folder) / "source"
    shutil.copytree(project, source)
    build = Path(folder) / "build"
    run("cmake", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Release",
        f"-DCMAKE_C_COMPILER={c}", f"-DCMAKE_CXX_COMPILER={cxx}",
        *(f"-DCMAKE_{language}_FLAGS={' '.join(WARNINGS)}" for language in ("C", "CXX")))
    run("cmake", "--build", build)
    return build
