#!/usr/bin/env python3
"""Finds every piece of the driver that can be left out, and writes the driver's sources with a switch around each.

  driver_mutants.py <driver folder> <output folder>

All mutants are in one build, which a run tells by a number which piece to leave out (missing_piece.hpp): so a mutant
costs no compilation. mutants.json in the output folder lists them, the first is number 1. A mutant's name says
in which function it is, and with #2 that the same text stands there a second time.

A piece is a statement, a lock's scope, a scope guard's undo, the condition of an `if` (never true then), one operand
of && or ||, or one side of a conditional expression. Declarations, loops and plain returns stay.
"""

import json
import pathlib
import re
import sys

sys.dont_write_bytecode = True

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
    r"[A-Za-z_][\w:]*(<[^;=]*>)?\s*[*&]*\s+[*&]?\w+(\[[^\]]*\])?(\{[^}]*\})?\s*(=|;|\(|,)"
    r")")
_SCOPE = re.compile(r"^(\s*)const (\w+Scope) (\w+)\((.*)\);$")
_GUARD = re.compile(r"^(\s*)ScopeGuard (\w+)\(.*\);$", re.S)
_IF = re.compile(r"^(\s*)(\} else )?if \((.*)\) \{$", re.S)
_WHILE = re.compile(r"^(\s*)while \((.*)\) \{$", re.S)
_RETURN = re.compile(r"^(\s*)return (.*);$", re.S)
_STATEMENT = re.compile(r"^\s*(\*?[A-Za-z_(+-].*);$", re.S)
_ONE_LINER = re.compile(r"^(\s+\S.*\)(?: const)?(?: : \S.*\))?) \{ ([^{};]*;) \}$")
# Where a function's body begins: at the margin, or inside a class.
_FUNCTION = re.compile(r"^(?: {4})?(?!if\b|for\b|while\b|switch\b|\} |const \w)\w[^;={]*?([\w:~]+)\([^;=]*\{$", re.S)
_ASSIGNED = re.compile(r"^(\s*)((?:const )?bool \w+|[\w.>-]+) = (.*);$", re.S)
_DECLARED = re.compile(r"^(\s*)((?:const )?[\w:<>]+[*&]* \w+) =\s*(.*);$", re.S)


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


class Generator:
    def __init__(self):
        self.mutants = []
        self.function = ""

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

    def mutated_return(self, file, indent, value):
        question = _split(value, " ? ")
        if len(question) == 2 and len(_split(question[1], " : ")) == 2:
            yes, no = _split(question[1], " : ")
            always = self.number(file, "choice", f"always {yes}: {value}")
            never = self.number(file, "choice", f"never {yes}: {value}")
            condition = f"{_MISSING}({always}) || (!{_MISSING}({never}) && ({question[0]}))"
            return f"{indent}return ({condition}) ? {yes} : {no};"
        return f"{indent}return {self.without_operands(file, value)};"

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
            test = self.without_operands(file, test)
            return f"{indent}{otherwise or ''}if (!{_MISSING}({n}) && ({test})) {{"
        if loop := _WHILE.match(line):
            return f"{loop.group(1)}while ({self.without_operands(file, loop.group(2))}) {{"
        if returned := _RETURN.match(line):
            return self.mutated_return(file, *returned.groups())
        if assigned := _ASSIGNED.match(line):
            indent, left, value = assigned.groups()
            test, question, rest = value.partition(" ? ")
            value = self.without_operands(file, test) + question + rest
            if _KEEP.match(line):
                return f"{indent}{left} = {value};"
            n = self.number(file, "statement", line)
            return f"{indent}if (!{_MISSING}({n})) {{ {left} = {value}; }}"
        if body := _ONE_LINER.match(line):
            if not body.group(2).startswith("return"):
                self.function = re.match(r"[^(]*?([\w~]+)\(", line).group(1)
                n = self.number(file, "statement", body.group(2))
                return f"{body.group(1)} {{ if (!{_MISSING}({n})) {{ {body.group(2)} }} }}"
            return line
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
            elif _STATEMENT.match(line) and not _RETURN.match(line):
                mutated = f"if ({_MISSING}({n})) {{ {changed.strip()} }} else {{ {mutated.strip()} }}"
            else:
                mutated = mutated.replace(row.old, f"({_MISSING}({n}) ? ({row.new}) : ({row.old}))")
        return mutated

    def mutated_file(self, file, text):
        self.function = ""
        lines = []
        for line in _logical_lines(text):
            if function := _FUNCTION.match(line):
                self.function = function.group(1)
            code, comment, rest = line.partition("  // ") if "\n" not in line else (line, "", "")
            lines.append(self.substituted(file, code, self.mutated_line(file, code)) + comment + rest)
        return "\n".join(lines)


def mutated_driver(source):
    """Names and texts of the driver's files with their switches, and the list of mutants."""
    generator = Generator()
    files = {}
    for path in sorted([*source.glob("*.cpp"), *source.glob("*.hpp"), *source.glob("*.h")]):
        text = path.read_text()
        files[path.name] = text if path.suffix == ".h" else generator.mutated_file(path.name, text)
    return files, generator.mutants


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    source, output = map(pathlib.Path, arguments)
    files, mutants = mutated_driver(source)
    files["mutants.json"] = json.dumps(mutants, indent=1)
    output.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        target = output / name
        # A file that did not change is not compiled again.
        if not target.exists() or target.read_text() != text:
            target.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
