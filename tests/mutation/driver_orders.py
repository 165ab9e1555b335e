"""Which neighbours in the driver's blocks can trade places: a statement or an `if` with the one before or after it, the
last of several statements with all before it, and the call in an `if` with what it decides about.

Declarations stay: what stands beside one is moved past it, where it does not use what is declared. No pairs are:

- two assignments, declarations or copies whose right sides only read, where neither mentions what the other sets:
  nobody sees their order;
- two relaxed stores: they promise no order;
- a guard, or its keep(), and anything that does not leave the block: the guard acts at the block's end;
- a declaration with a constant, or of another name for something, and anything.
"""

import dataclasses
import re

_DECLARATION = re.compile(
    r"^\s*(?:static |constexpr |const )*[A-Za-z_][\w:]*(?:<[^;=]*>)?(?: const)?\s*[*&]*(?: const)?\s+[*&]?"
    r"(\w+)(\[[^\]]*\])?\s*(?:=|;|\(|\{)", re.S)
_LOCAL_TYPE = re.compile(r"^\s*(?:struct|class|union|enum|using|static_assert)\b(?:.*\} (\w+);$)?", re.S)
_JUMP = re.compile(r"^\s*(return\b|break;|continue;|goto\b|case\b|default:)")
_COMPOUND = re.compile(r"^\s*(if|for|while|do|switch)\b|^\s*\{$")
# What only reads.
_READERS = (r"sizeof|NT_SUCCESS|load|counted|address|is_registered|published|wakeups_sent|process_id_number|PsGetCurrentProcess|"
            r"PsGetCurrentProcessId|(?:static|reinterpret|const)_cast<[^()]*>")
_CALL = re.compile(r"\w[\w:]*(?:<[^()]*>)?\(")
_READ = re.compile(rf"(?:{_READERS})\($")
_ASSIGNED = re.compile(r"^\s*([\w.>\[\]-]+) (?:[+\-|&]?=) (.*);$", re.S)
_DECLARED = re.compile(r"^\s*[\w:<> ]+[*&]* (\w+) = (.*);$", re.S)
_CONSTANT = re.compile(
    r"^\s*(?:[\w:<> ]+[*&]* \w+ = (?:\d+|nullptr|false|[A-Z]\w+|unicode_literal\(u\".*\"\))|"
    r"[\w:<> ]+[*&] \w+ = (?:\*?handle_of|the_driver|driver\.channel\.identity|static_cast<[\w*]+>|[\w>-]+;)[^;]*);$",
    re.S)
_GUARD = re.compile(r"^\s*ScopeGuard \w+\(|\.keep\(\);$")
_COPIED = re.compile(r"^\s*(?:std::mem|RtlC)\w+\(([\w.>-]+), (.*)\);$", re.S)


@dataclasses.dataclass
class Item:
    first: int  # logical lines
    last: int
    text: str
    name: str  # of what it declares, or ""
    movable: bool

    @property
    def label(self):
        head, block, rest = self.text.partition("{\n")
        return head if head.strip() or not block else "{ " + rest.lstrip().split("\n")[0]

    def mentions(self, name):
        return re.search(rf"\b{re.escape(name)}\b", self.text) is not None


def _braces(line):
    code = re.sub(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\'', "", line.split("//")[0] if "\n" not in line else line)
    return code.count("{") - code.count("}")


def _is_silent(line):
    bare = line.strip()
    return bare == "" or bare.startswith(("//", "#", "static_assert"))


def _item(lines, first, end):
    """The item that begins at `first`, in a block that ends before `end`."""
    last, depth = first, _braces(lines[first])
    # An else belongs to its if.
    while last + 1 < end and (depth > 0 or lines[last + 1].lstrip().startswith("} else")):
        last += 1
        depth += _braces(lines[last])
    text = "\n".join(lines[first:last + 1])
    if _JUMP.match(text):
        return Item(first, last, text, "", False)
    if _COMPOUND.match(text):
        # A bare block is a lock's scope, most times; a loop may contain jumps of its own.
        return Item(first, last, text, "", True)
    if local := _LOCAL_TYPE.match(text):
        return Item(first, last, text, local.group(1) or "", False)
    declared = _DECLARATION.match(text)
    return Item(first, last, text, declared.group(1) if declared else "", not declared)


def _independent(one, other):
    if any(_GUARD.search(item.text) for item in (one, other)):
        return not any(re.search(r"\breturn\b", item.text) for item in (one, other))
    if any(_CONSTANT.match(item.text) for item in (one, other) if item.name):
        return True
    if all(re.search(r"\.store\(.*memory_order_relaxed\);$", item.text) for item in (one, other)):
        return True
    sides = [_ASSIGNED.match(item.text) or _COPIED.match(item.text) or _DECLARED.match(item.text)
             for item in (one, other)]
    if not all(sides) or not all(_only_reads(side.group(2)) for side in sides):
        return False
    (target, value), (other_target, other_value) = (side.groups() for side in sides)
    return target != other_target and not _mentions(other_value, target) and not _mentions(value, other_target)


def _mentions(expression, target):
    """The place itself, or the object it is in as a whole."""
    whole = re.split(r"\.|->", target)[0]
    return re.search(rf"(?<![\w.>]){re.escape(target)}(?!\w)|&{re.escape(whole)}\b(?![.-])", expression) is not None


def _only_reads(expression):
    return all(_READ.search(call) for call in _CALL.findall(expression))


def _pairs_of_block(lines, first, end):
    items, at = [], first
    while at < end:
        if _is_silent(lines[at]):
            at += 1
            continue
        items.append(_item(lines, at, end))
        at = items[-1].last + 1
    for one, other in zip(items, items[1:]):
        if _JUMP.match(one.text) or _JUMP.match(other.text) or _independent(one, other):
            continue
        if one.movable:
            yield one, other, "delay"
        elif other.movable and not other.mentions(one.name):
            yield one, other, "advance"
    yield from _first_comes_last(items)
    for item in items:
        yield from _inside(lines, item)


def _first_comes_last(items):
    """Of three statements and more in a row, none of which leaves the block: the last before all others."""
    row = []
    for item in [*items, None]:
        if item and item.movable and not re.search(r"\b(return|break|continue)\b", item.text):
            row.append(item)
            continue
        if len(row) > 2 and not all(_independent(other, row[-1]) for other in row[:-1]):
            yield row[0], row[-1], "advance"
        row = []


def _inside(lines, item):
    """The pairs in the blocks of a compound."""
    if not _COMPOUND.match(item.text):
        return
    begin, depth = item.first + 1, _braces(lines[item.first])
    for at in range(item.first + 1, item.last + 1):
        if depth == 1 and lines[at].lstrip().startswith("}"):
            yield from _pairs_of_block(lines, begin, at)
            begin = at + 1
        depth += _braces(lines[at])


def decisions(lines, first, last):
    """First and last line of each `if` without an else that makes a call to decide about plain statements."""
    for at in range(first, last):
        if not re.match(r"^\s*if \(", lines[at]) or not lines[at].endswith("{") or _only_reads(lines[at]):
            continue
        item = _item(lines, at, last)
        body = "\n".join(lines[at + 1:item.last])
        if not re.search(r"\b(return|break|continue)\b|\} else", body):
            yield at, item.last


def pairs(lines, functions):
    """(item, next item, which of the two moves) for all functions, each given by the lines of its opening and end."""
    for first, last in functions:
        yield from _pairs_of_block(lines, first + 1, last)
