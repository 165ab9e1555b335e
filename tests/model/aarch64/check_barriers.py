#!/usr/bin/env python3
"""Compiles the ring for AArch64 and checks that the barriers stand where they belong.

Then it does the same to copies of the headers with one barrier weakened each, which must fail: a check that passes
everything shows nothing.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys

# An instruction is reduced to a letter: what it is to the order of memory accesses.
STORE, LOAD, STORE_RELEASE, LOAD_ACQUIRE = "S", "L", "R", "A"
FULL, STORE_BARRIER, LOAD_BARRIER = "F", "s", "l"
COPY, COMPARE = "C", "c"

CELL_COPIES = re.compile(r"copy_words_(into|out_of)_cell|copy_(out_)?in_pieces")
# A copy that the compiler may set aside: it is where control comes back from it.
SET_ASIDE = re.compile(r"^\tbl\t\S*(copy_words_(into|out_of)_cell|copy_(out_)?in_pieces)")


class WrongCode(Exception):
    """The generated code lacks an order that the ring needs."""


def letter_of(instruction):
    name, _, operands = instruction.partition("\t")
    if name == "dmb":
        return {"ish": FULL, "sy": FULL, "ishst": STORE_BARRIER, "ishld": LOAD_BARRIER}[operands]
    if name == "stlr":
        return STORE_RELEASE
    if name in ("ldar", "ldapr"):
        return LOAD_ACQUIRE
    if name in ("bl", "b") and CELL_COPIES.search(operands):
        return COPY
    if name in ("cmp", "ccmp"):
        return COMPARE
    # The stack is private.
    if "[sp" in operands or "[x29" in operands:
        return ""
    if re.fullmatch(r"(str|stp|stur)", name):
        return STORE
    if re.fullmatch(r"(ldr|ldp|ldur)", name):
        return LOAD
    return ""


def return_of(lines, call):
    """The label that control goes to after the call in lines[call], or none when it just goes on."""
    for line in lines[call + 1 :]:
        jump = re.match(r"\tb\t(\.L\d+)", line)
        if jump:
            return jump.group(1)
        if line.startswith(".L") and not line.startswith((".LVL", ".LBB", ".LBE", ".LCFI")):
            return None
    return None


def functions_of(assembly):
    """The letters of each function, in the order of the text, but for what is set aside."""
    lines = assembly.splitlines()
    aside = {i: return_of(lines, i) for i, line in enumerate(lines) if SET_ASIDE.match(line)}
    functions = {}
    name = None
    for i, line in enumerate(lines):
        label = re.match(r"([A-Za-z_]\w*):", line)
        if label:
            name = label.group(1)
            functions[name] = ""
        elif name and line.removesuffix(":") in aside.values():
            functions[name] += COPY
        elif name and aside.get(i) is None and line.startswith("\t") and not line.startswith("\t."):
            functions[name] += letter_of(line.strip())
    return functions


def require(condition, message):
    if not condition:
        raise WrongCode(message)


def first_of(code, letters):
    found = [code.index(letter) for letter in letters if letter in code]
    return min(found) if found else None


# `marks`: stores of odd marks in the text, one for the first cell and one for the loop over others.
def check_publish(code, marks):
    fence = first_of(code, FULL + STORE_BARRIER)
    require(fence is not None, "publish: no barrier behind the odd mark")
    before = code[:fence]
    require(before.count(STORE) == marks, "publish: not exactly the odd marks stand before the barrier")
    require(COPY not in before and STORE_RELEASE not in before, "publish: the copy starts before the barrier")
    require(code.count(STORE_RELEASE) == 3, "publish: even mark, newest and count are not three store-releases")
    mark = code.index(STORE_RELEASE)
    event = code[fence:mark]
    require(event.count(STORE) >= 2 and COPY in event, "publish: the event is not between barrier and even mark")
    require(COPY not in code[mark:], "publish: the copy goes on behind the even mark")


def check_read(code):
    require(LOAD_ACQUIRE in code, "read: the first look is no load-acquire")
    look = code.index(LOAD_ACQUIRE)
    require(COPY not in code[:look], "read: the copy starts before the first look")
    fence = first_of(code[look:], FULL + LOAD_BARRIER)
    require(fence is not None, "read: no barrier before the second look")
    fence += look
    require(COPY in code[look:fence], "read: the copy is not between first look and barrier")
    require(COPY not in code[fence:], "read: the copy goes on behind the barrier")
    require(re.match(LOAD + "+" + COMPARE, code[fence + 1 :]), "read: the second look does not follow the barrier")


# From the copied header on. There are several copies: one may go back to what follows another, or have an end of its own.
def check_read_payload(code):
    ends = code.split(COPY)[1:]
    fences = [first_of(end, FULL + LOAD_BARRIER) for end in ends]
    require(any(fence is not None for fence in fences), "read: no barrier before the second look")
    for end, fence in zip(ends, fences):
        if fence is not None:
            require(re.match(LOAD + "+" + COMPARE, end[fence + 1 :]), "read: the second look does not follow the barrier")


def check_arm(code):
    require(
        re.match(f"{LOAD}*{STORE}{FULL}{LOAD}*{LOAD_ACQUIRE}", code),
        "arm: not store, full barrier, load-acquire",
    )


def check_ring(code):
    require(FULL in code, "ring: no full barrier")
    before = code[: code.index(FULL)]
    require(before.count(LOAD) <= 1, "ring: a doorbell is loaded before the full barrier")
    require(LOAD in code[code.index(FULL) :], "ring: no doorbell is loaded behind the full barrier")


def check(assembly):
    functions = functions_of(assembly)
    # The compiler may have left the operation in a function of its own.
    publish = [name for name in functions if "Producer" in name and "7publish" in name] or ["ring_publish"]
    read = [name for name in functions if "Consumer" in name and "4read" in name] or ["ring_read"]
    # Each has a way of its own for what is not usual.
    publish_unusual = next(name for name in functions if "15publish_unusual" in name)
    read_payload = [name for part in ("12read_payload", "12read_unusual") for name in functions if part in name][0]
    check_publish(functions[publish[0]], 1)
    check_publish(functions[publish_unusual], 2)
    check_read(functions[read[0]])
    check_read_payload(functions[read_payload])
    check_arm(functions["ring_arm"])
    check_ring(functions["ring_ring"])


RELEASE_FENCE = "Atomics::fence(std::memory_order_release);"
ACQUIRE_FENCE = "Atomics::fence(std::memory_order_acquire);"
FULL_FENCE = "Atomics::fence(std::memory_order_seq_cst);"
SECOND_LOOK = "const bool intact = memory.recheck_version(place) == version_when_complete(place.position);"
READ_FENCE = f"{ACQUIRE_FENCE}\n    {SECOND_LOOK}"
ARM_FENCE = "// Pairs with the fence in DoorbellRinger::ring.\n        " + FULL_FENCE
RING_FENCE = "// Pairs with the fence in DoorbellListener::arm.\n        " + FULL_FENCE
EVEN_MARK = "cell(place)->store(version_when_complete(place.position), std::memory_order_release);"
NEWEST = "header_.newest->store(position, std::memory_order_release);"
COUNT = "header_.published->store(count, std::memory_order_release);"
FIRST_LOOK = "{ return cell(place)->load(std::memory_order_acquire); }"

# What is weakened, in which header, from what, to what, and what the check must then say.
WEAKENED = [
    ("no release fence", "producer.hpp", RELEASE_FENCE, "", "publish: no barrier"),
    ("release fence only acquires", "producer.hpp", RELEASE_FENCE, ACQUIRE_FENCE, "publish: no barrier"),
    ("even mark relaxed", "ring_memory.hpp", EVEN_MARK, EVEN_MARK.replace("release", "relaxed"),
     "publish: even mark, newest and count"),
    ("newest relaxed", "ring_memory.hpp", NEWEST, NEWEST.replace("release", "relaxed"), "publish: even mark, newest and count"),
    ("count relaxed", "ring_memory.hpp", COUNT, COUNT.replace("release", "relaxed"), "publish: even mark, newest and count"),
    ("first look relaxed", "ring_memory.hpp", FIRST_LOOK, FIRST_LOOK.replace("acquire", "relaxed"),
     "read: the first look"),
    ("no acquire fence", "event_read.hpp", READ_FENCE, SECOND_LOOK, "read: no barrier"),
    ("acquire fence behind the second look", "event_read.hpp", READ_FENCE,
     f"{SECOND_LOOK}\n    {ACQUIRE_FENCE}", "read: the second look"),
    ("no fence in arm", "doorbell.hpp", ARM_FENCE, "", "arm: not store"),
    ("fence in arm only acquires", "doorbell.hpp", ARM_FENCE, ACQUIRE_FENCE, "arm: not store"),
    ("no fence in ring", "doorbell.hpp", RING_FENCE, "", "ring: no full barrier"),
    ("fence in ring only acquires", "doorbell.hpp", RING_FENCE, ACQUIRE_FENCE, "ring: no full barrier"),
]


def compile_ring(options, ring, level):
    includes = [f"-I{ring}", f"-I{options.include}"]
    command = [options.compiler, "-std=c++20", level, "-S", "-o", "-", *includes, options.source]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def weakened_copy(options, header, text, replacement):
    copy = pathlib.Path(options.work) / "ring"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(options.ring, copy)
    path = copy / "aegis" / "ring" / header
    content = path.read_text()
    if content.count(text) != 1:
        sys.exit(f"{header} does not contain this exactly once:\n{text}")
    path.write_text(content.replace(text, replacement))
    return copy


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("compiler", "source", "ring", "include", "work"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()

    for level in ("-O2", "-O3"):
        try:
            check(compile_ring(options, options.ring, level))
        except WrongCode as wrong:
            sys.exit(f"{level}: {wrong}")
        print(f"{level}: the barriers are in place")

    for name, header, text, replacement, expected in WEAKENED:
        ring = weakened_copy(options, header, text, replacement)
        try:
            check(compile_ring(options, ring, "-O2"))
        except WrongCode as wrong:
            if not str(wrong).startswith(expected):
                sys.exit(f"{name}: found, but as: {wrong}")
            print(f"{name}: found ({wrong})")
        else:
            sys.exit(f"{name}: not found")


if __name__ == "__main__":
    main()
