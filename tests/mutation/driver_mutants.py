#!/usr/bin/env python3
"""Finds every small thing in the driver that can be otherwise, and writes the driver's sources with a switch for each.

  driver_mutants.py <driver folder> <output folder>

All mutants are in one build, which a run tells by a number which switch to throw (missing_piece.hpp): so a mutant
costs no compilation. mutants.json in the output folder lists them, the first is number 1. A mutant's name says
in which function it is, and with #2 that the same text stands there a second time.

Left out is a statement, a lock's scope, a scope guard's undo, the condition of an `if` (never true then), one operand
of && or ||, or one side of a conditional expression. Exchanged are

- neighbours in a block, and a call with what it decides about (driver_orders.py: order);
- a field and another of its type (driver_fields.py: field);
- a comparison and the same from one side, or with its boundary (comparison): == and >=, == and <=, < and <=;
- a word that was loaded once and the word loaded again at each use (reload);
- some constants (driver_substitutions.py: constant).

Declarations and plain returns stay.
"""

import json
import pathlib
import re
import sys

sys.dont_write_bytecode = True

from driver_fields import exchanges  # noqa: E402
from driver_orders import decisions, pairs  # noqa: E402
from driver_substitutions import SUBSTITUTIONS  # noqa: E402

_MISSING = "aegis::mutation::missing"

# A declaration, or a line that means nothing without the rest.
_KEEP = re.compile(
    r"^\s*("
    r"#|//|\*|/\*|\}|\{|public:|private:|protected:|case\b|default:|return\b|else\b|for\b|while\b|do\b|switch\b|"
    r"break;|continue;|goto\b|"
    r"using\b|namespace\b|class\b|struct\b|enum\b|union\b|template\b|static_assert|extern\b|typedef\b|friend\b|"
    r"(inline|static|constexpr|constinit|alignas|explicit|virtual|\[\[)|"
    r"const\s|auto\b|"
    r"[A-Za-z_][\w:]*(<[^;=]*>)?\s*[*&]*( const)?\s+[*&]?\w+(\[[^\]]*\])?(\{[^}]*\})?\s*(=|;|\(|,)"
    r")")
_SCOPE = re.compile(r"^(\s*)const (\w+Scope) (\w+)\((.*)\);$")
_GUARD = re.compile(r"^(\s*)ScopeGuard (\w+)\(.*\);$", re.S)
_IF = re.compile(r"^(\s*)(\} else )?if \((.*)\) \{$", re.S)
_WHILE = re.compile(r"^(\s*while )\((.*)\) \{$", re.S)
_FOR = re.compile(r"^(\s*for )\((.*?); (.*); (.*?)\) \{$", re.S)
_RETURN = re.compile(r"^(\s*)return (.*);$", re.S)
_STATEMENT = re.compile(r"^\s*(\*?[A-Za-z_(+-].*);$", re.S)
_ONE_LINER = re.compile(r"^(\s+\S.*\)(?: const)?(?: : \S.*\))?) \{ ([^{};]*;) \}$")
# Where a function's body begins: at the margin, or inside a class.
_FUNCTION = re.compile(r"^(?: {4})?(?!if\b|for\b|while\b|switch\b|\} |const \w)\w[^;={]*?([\w:~]+)\([^;=]*\{$", re.S)
_ASSIGNED = re.compile(r"^(\s*)((?:const )?bool \w+|[\w.>-]+) = (.*);$", re.S)
_DECLARED = re.compile(r"^(\s*)((?:const )?[\w:<>]+[*&]*(?: const)? \w+) =\s*(.*);$", re.S)
_COMPARISON = re.compile(r" (==|!=|<=|>=|<|>)(?= )")
_OTHERWISE = {"==": (">=", "<="), "!=": ("<", ">"), "<": ("<=",), "<=": ("<",), ">": (">=",), ">=": (">",)}
_LOADED = re.compile(r"^\s*const [\w:]+ (\w+) = ([^=]*\bload\(.*\));$", re.S)


def _logical_lines(text):
    """Physical lines, joined up to the end of a statement or the opening of a block."""
    pending = ""
    for line in text.split("\n"):
        pending += line
        bare = line.split("//")[0].rstrip()
        if bare == "" or re.search(r"[;{}:]$", bare) or line.lstrip().startswith(("//", "#", "*")):
            yield pending
            pending = ""
        else:
            pending += "\n"
    if pending:
        yield pending


def _split(expression, operator):
    """The expression's parts between occurrences of the operator outside of parentheses."""
    parts, depth, start, at = [], 0, 0, 0
    while at < len(expression):
        character = expression[at]
        depth += (character in "([{") - (character in ")]}")
        if depth == 0 and expression.startswith(operator, at):
            parts.append(expression[start:at])
            at += len(operator)
            start = at
        else:
            at += 1
    return [*parts, expression[start:]]


def _one_line(text):
    return " ".join(text.split())


def _functions(lines):
    """First and last line of each function's body, with what opens and ends it."""
    found, at = [], 0
    while at < len(lines):
        first, depth = at, lines[at].count("{") - lines[at].count("}")
        at += 1
        if not _FUNCTION.match(lines[first]):
            continue
        while depth > 0:
            depth += lines[at].count("{") - lines[at].count("}")
            at += 1
        found.append((first, at - 1))
    return found


class Generator:
    def __init__(self):
        self.mutants = []
        self.function = ""
        self.reloads = []  # (name, the expression it was loaded by, number) in the function at hand

    def number(self, file, kind, text):
        name = " ".join(part for part in (file, self.function, kind, _one_line(text)) if part)
        same = sum(mutant["name"].split(" #")[0] == name for mutant in self.mutants)
        self.mutants.append({"file": file, "kind": kind, "name": f"{name} #{same + 1}" if same else name})
        return len(self.mutants)

    def without_operands(self, file, condition):
        """The condition with each operand of && or || behind a switch."""
        for operator, neutral in (("||", "!"), ("&&", "")):
            operands = _split(condition, operator)
            if len(operands) > 1:
                rest = []
                for operand in operands:
                    n = self.number(file, "operand", operand)
                    missing = f"{_MISSING}({n})"
                    # Left out means true in a conjunction, false in a disjunction.
                    rest.append(f"({missing} || ({operand}))" if neutral == "" else f"(!{missing} && ({operand}))")
                return f" {operator} ".join(rest)
        return condition

    def mutated_value(self, file, value):
        """An expression with a switch for each choice, operand and comparison of it."""
        if "{" in value or "[" in value and "](" in value:
            return value
        compared = [(self.number(file, "comparison", f"{operator} -> {other}: {value}"),
                     f"{value[:at]} {other}{value[end:]}") for operator, other, at, end in self.comparisons(value)]
        question = _split(value, " ? ")
        if len(question) == 2 and len(_split(question[1], " : ")) == 2:
            yes, no = _split(question[1], " : ")
            always = self.number(file, "choice", f"always {yes}: {value}")
            never = self.number(file, "choice", f"never {yes}: {value}")
            condition = f"{_MISSING}({always}) || (!{_MISSING}({never}) && ({question[0]}))"
            mutated = f"({condition}) ? {yes} : {no}"
        else:
            mutated = self.without_operands(file, value)
        for n, changed in compared:
            mutated = f"{_MISSING}({n}) ? ({changed}) : ({mutated})"
        return mutated

    @staticmethod
    def comparisons(value):
        """Operator, its replacement, and where it stands."""
        for found in _COMPARISON.finditer(value):
            # An address has no other side.
            if re.match(r" (nullptr\b|&)", value[found.end():]):
                continue
            for other in _OTHERWISE[found.group(1)]:
                yield found.group(1), other, found.start(), found.end()

    def mutated_line(self, file, line):
        if scope := _SCOPE.match(line):
            n = self.number(file, "scope", line)
            indent, name, variable, argument = scope.groups()
            return f"{indent}const aegis::mutation::Maybe<{name}> {variable}({n}, {argument});"
        if guard := _GUARD.match(line):
            n = self.number(file, "guard", line)
            return f"{line}\n{guard.group(1)}if ({_MISSING}({n})) {{ {guard.group(2)}.keep(); }}"
        condition = _IF.match(line)
        if condition and "constexpr" not in line and ";" not in condition.group(3):
            n = self.number(file, "check", line)
            indent, otherwise, test = condition.groups()
            test = self.mutated_value(file, test)
            return f"{indent}{otherwise or ''}if (!{_MISSING}({n}) && ({test})) {{"
        if loop := _WHILE.match(line):
            return f"{loop.group(1)}({self.mutated_value(file, loop.group(2))}) {{"
        if loop := _FOR.match(line):
            head, begin, test, step = loop.groups()
            return f"{head}({begin}; {self.mutated_value(file, test)}; {step}) {{"
        if returned := _RETURN.match(line):
            return f"{returned.group(1)}return {self.mutated_value(file, returned.group(2))};"
        if assigned := _ASSIGNED.match(line):
            indent, left, value = assigned.groups()
            value = self.mutated_value(file, value)
            if _KEEP.match(line):
                return f"{indent}{left} = {value};"
            n = self.number(file, "statement", line)
            return f"{indent}if (!{_MISSING}({n})) {{ {left} = {value}; }}"
        if body := _ONE_LINER.match(line):
            self.function = re.match(r"[^(]*?([\w~]+)\(", line).group(1)
            if returned := _RETURN.match(body.group(2)):
                return f"{body.group(1)} {{ return {self.mutated_value(file, returned.group(2))}; }}"
            n = self.number(file, "statement", body.group(2))
            return f"{body.group(1)} {{ if (!{_MISSING}({n})) {{ {body.group(2)} }} }}"
        if (_STATEMENT.match(line) and not _KEEP.match(line) and line.startswith("    ")
                and not re.search(r"= (delete|default);$|\n\s*\};$", line)):
            n = self.number(file, "statement", line)
            indent = line[: len(line) - len(line.lstrip())]
            return f"{indent}if (!{_MISSING}({n})) {{ {line.strip()} }}"
        return line

    def substituted(self, file, line, mutated):
        """The line with a switch for each constant of it that may be another."""
        for row in SUBSTITUTIONS:
            if row.file != file or row.old not in line:
                continue
            n = self.number(file, "constant", f"{row.old} -> {row.new}")
            changed = line.replace(row.old, row.new)
            # What an earlier row made of a declaration goes on in this one's other branch.
            declared = _DECLARED.match(mutated)
            if declared:
                indent, left, value = declared.groups()
                other = _DECLARED.match(changed).group(3)
                mutated = f"{indent}{left} = {_MISSING}({n}) ? ({other}) : ({value});"
            elif condition := _IF.match(mutated):
                indent, otherwise, test = condition.groups()
                other = _IF.match(changed).group(3)
                mutated = f"{indent}{otherwise or ''}if ({_MISSING}({n}) ? ({other}) : ({test})) {{"
            elif _STATEMENT.match(line) and not _RETURN.match(line):
                mutated = f"if ({_MISSING}({n})) {{ {changed.strip()} }} else {{ {mutated.strip()} }}"
            else:
                mutated = mutated.replace(row.old, f"({_MISSING}({n}) ? ({row.new}) : ({row.old}))")
        return mutated

    def exchanged(self, file, line, mutated):
        """The line with a switch for each field of it that may be another."""
        for use, other in exchanges(line):
            n = self.number(file, "field", f"{use} -> {other}: {line}")
            whole = rf"(?<![\w.>]){re.escape(use)}(?![\w(])"
            mutated = re.sub(whole, f"({_MISSING}({n}) ? {other} : {use})", mutated)
        return mutated

    def reloaded(self, file, line, mutated):
        """The line with what was loaded before loaded again."""
        for name, load, n in self.reloads:
            mutated = re.sub(rf"\b{name}\b", f"({_MISSING}({n}) ? {load} : {name})", mutated)
        if loaded := _LOADED.match(line):
            self.reloads.append((*loaded.groups(), self.number(file, "reload", line)))
        return mutated

    def moves(self, file, lines, functions):
        """What stands before and behind each line, for neighbours that trade places."""
        before = [[] for _ in lines]
        behind = [[] for _ in lines]
        for first, last in functions:
            self.function = _FUNCTION.match(lines[first]).group(1)
            for one, other, move in pairs(lines, [(first, last)]):
                n = self.number(file, "order", f"{one.label} <-> {other.label}")
                moved = one if move == "delay" else other
                before[moved.first].append(f"if (!{_MISSING}({n})) {{")
                behind[moved.last].insert(0, "}")
                early = f"if ({_MISSING}({n})) {{\n{moved.text}\n}}"
                if move == "delay":
                    behind[other.last].append(early)
                else:
                    before[one.first].insert(0, early)
            for head, end in decisions(lines, first + 1, last):
                n = self.number(file, "order", f"before it is decided: {lines[head]}")
                body = "\n".join(lines[head + 1:end])
                before[head].append(f"if ({_MISSING}({n})) {{\n{body}\n}}")
                before[head + 1].insert(0, f"if (!{_MISSING}({n})) {{")
                behind[end - 1].append("}")
        self.function = ""
        return before, behind

    def mutated_file(self, file, text):
        original = list(_logical_lines(text))
        functions = _functions(original)
        inside = [any(first < at < last for first, last in functions) for at in range(len(original))]
        before, behind = self.moves(file, original, functions)
        lines = []
        for at, line in enumerate(original):
            if function := _FUNCTION.match(line):
                self.function = function.group(1)
                self.reloads = []
            code, comment, rest = line.partition("  // ") if "\n" not in line else (line, "", "")
            mutated = self.substituted(file, code, self.mutated_line(file, code))
            if inside[at]:
                mutated = self.reloaded(file, code, self.exchanged(file, code, mutated))
            lines += [*before[at], mutated + comment + rest, *behind[at]]
        return "\n".join(lines)


# What both builds of the driver have in common.
_ELSEWHERE = ("host", "install", "test", "windows")


def _belongs(path):
    return path.suffix in (".cpp", ".hpp", ".h") and path.parts[0] not in _ELSEWHERE


def mutated_driver(source):
    """Names and texts of the driver's files with their switches, and the list of mutants."""
    generator = Generator()
    files = {}
    for path in sorted(path for path in source.rglob("*.*") if _belongs(path.relative_to(source))):
        text = path.read_text()
        name = path.relative_to(source).as_posix()
        files[name] = text if path.suffix == ".h" else generator.mutated_file(path.name, text)
    return files, generator.mutants


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    source, output = map(pathlib.Path, arguments)
    files, mutants = mutated_driver(source)
    files["mutants.json"] = json.dumps(mutants, indent=1)
    for name, text in files.items():
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        # A file that did not change is not compiled again.
        if not target.exists() or target.read_text() != text:
            target.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
