"""The binary interface of libaegis as text: what a program that was compiled against it relies on.

    abi.py <include folder>    prints what its header says, for tests/abi/libaegis.txt

Lines: a function with its types; a struct with its size and alignment; a field with its place and type; a constant with
its value. Of the structs, all that a function takes, and what those contain.
"""

import re
import subprocess
import sys
from pathlib import Path

HEADER = "aegis/client.h"
# What the header includes has its own tests, and is part of this interface where a function takes it.
INCLUDED = "aegis/ioctl.h"

# Where the libraries are to run, and how clang and its headers are told of it.
TARGETS = {"linux": [], "windows": ["--target=x86_64-w64-windows-gnu"]}


def output(*command, source=""):
    done = subprocess.run([str(word) for word in command], input=source, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


def functions(include):
    """`int32_t aegis_open (const aegis_options *, aegis_client **)`, as gcc understood it."""
    declared = output("gcc", "-x", "c", "-std=c11", "-fsyntax-only", "-aux-info", "/dev/stdout", f"-I{include}", "-",
                      source=f"#include <{HEADER}>\n")
    return sorted(re.findall(rf"/\* \S*{HEADER}:\d+:\w+ \*/ extern (.*);", declared))


def callbacks(include):
    """`int32_t (*aegis_visitor)(void *context, const aegis_item *item)`: the types of functions that callers give."""
    printed = output("clang", "-x", "c", "-std=c11", "-fsyntax-only", "-Xclang", "-ast-print", f"-I{include}", "-",
                     source=f"#include <{HEADER}>\n")
    return sorted(re.findall(r"^typedef (.*\(\*aegis_\w+\)\(.*\));$", printed, re.MULTILINE))


def records(include, target):
    """Of each struct its line, and those of its fields."""
    layouts = output("clang", *TARGETS[target], "-x", "c", "-std=c11", "-fsyntax-only", "-Xclang",
                     "-fdump-record-layouts-complete", f"-I{include}", "-", source=f"#include <{HEADER}>\n")
    found = {}
    for layout in layouts.split("*** Dumping AST Record Layout")[1:]:
        name = re.search(r"^ +0 \| (?:struct|union) (\w+)$", layout, re.MULTILINE)
        size = re.search(r"\[sizeof=(\d+), (?:dsize=\d+, )?align=(\d+)", layout)
        if name and size:
            # Two spaces deep: fields of its own, not those of what it contains.
            fields = re.findall(r"^ *(\d+) \|   (\S.*) (\w+)$", layout, re.MULTILINE)
            found[name.group(1)] = ([f"struct {name.group(1)}: {size.group(1)} bytes, aligned to {size.group(2)}"] +
                                    [f"field {name.group(1)}.{field}: {kind} at {place}" for place, kind, field in fields])
    return found


def reachable(records_by_name, text):
    """Names of the structs in `text`, and of those inside of them."""
    names, left = set(), [text]
    while left:
        words = set(re.findall(r"\w+", left.pop()))
        for name in (words & records_by_name.keys()) - names:
            names.add(name)
            left.append("\n".join(records_by_name[name]))
    return names


def constants(include):
    """The header's macros that have a value of their own."""
    def macros(header):
        defined = output("gcc", "-x", "c", "-std=c11", "-E", "-dM", f"-I{include}", "-", source=f"#include <{header}>\n")
        return set(re.findall(r"^#define (AEGIS_\w+) (.+)$", defined, re.MULTILINE))
    return [f"constant {name} = {value}" for name, value in sorted(macros(HEADER) - macros(INCLUDED))
            if name not in ("AEGIS_API", "AEGIS_NOEXCEPT")]


def interface(include, target="linux"):
    declared, called = functions(include), callbacks(include)
    records_by_name = records(include, target)
    names = reachable(records_by_name, "\n".join(declared + called))
    return ([f"function {line}" for line in declared] + [f"callback {line}" for line in called] +
            [line for name in sorted(names) for line in records_by_name[name]] + constants(include))


def function_names(lines):
    return sorted(re.search(r"(\w+) \(", line).group(1) for line in lines if line.startswith("function "))


def exported_by_elf(library):
    """(SONAME, names with their versions)"""
    soname = re.search(r"SONAME +(\S+)", output("objdump", "-p", library)).group(1)
    symbols = output("nm", "-D", "--defined-only", "--with-symbol-versions", library).splitlines()
    return soname, sorted(line.split()[-1] for line in symbols if line.split()[-2] != "A")


def exported_by_pe(library):
    """(the name in its export table, names)"""
    table = output("x86_64-w64-mingw32-objdump", "-p", library)
    name = re.search(r"^Name\s+[0-9a-f]+ (\S+)$", table, re.MULTILINE).group(1)
    ordinals = table.split("[Ordinal/Name Pointer] Table", 1)[1].split("\n\n", 1)[0]
    return name, sorted(re.findall(r"^\s+\[ *\d+\] (?:\+base\[ *\d+\] +[0-9a-f]+ )?(\w+)$", ordinals, re.MULTILINE))


if __name__ == "__main__":
    print("\n".join(interface(Path(sys.argv[1]))))
