"""The PowerShell scripts, as far as they can be judged without Windows: a lexer of our own finds what does not balance,
calls of functions that do not exist and variables that nobody sets. Where pwsh is installed, its parser judges too.

Usage: install_scripts_test.py <folder of the scripts>
"""

import os
import re
import shutil
import subprocess
import sys
import unittest

folder = sys.argv[1]
SCRIPTS = ["install.ps1", "uninstall.ps1", "service-errors.ps1"]
CMDLETS = {"Confirm-SecureBootUEFI", "Copy-Item", "Get-AuthenticodeSignature", "Get-CimInstance", "Get-ItemProperty",
           "Get-PfxCertificate", "Import-Certificate", "New-Item", "Out-Null", "Out-String", "Remove-Item",
           "Set-ItemProperty", "Set-StrictMode", "Start-Sleep", "Test-Path", "Write-Host", "Write-Warning"}
AUTOMATIC_VARIABLES = {"errorActionPreference", "false", "lastExitCode", "null", "psBoundParameters", "psScriptRoot",
                       "true"}
TOKEN = re.compile(r"""
    (?P<comment><\#.*?\#>|\#[^\n]*)
  | (?P<string>'(?:[^']|'')*'|"(?:[^"`]|`.|"")*")
  | (?P<bracket>[][(){}])
  | (?P<quote>['"]|<\#|\#>)
  | (?P<other>.)
""", re.VERBOSE | re.DOTALL)


def read(name):
    with open(os.path.join(folder, name), "rb") as file:
        return file.read().decode("ascii")


def code_of(text):
    """The script without comments; single-quoted strings emptied, because nothing in them is code."""
    parts = []
    for token in TOKEN.finditer(text):
        if token.lastgroup == "string" and token.group().startswith("'"):
            parts.append("''")
        elif token.lastgroup != "comment":
            parts.append(token.group())
    return "".join(parts)


def lower(names):
    return {name.lower() for name in names}


class InstallScripts(unittest.TestCase):
    # Catches: a character that Windows PowerShell 5.1, which takes a file without a mark for ANSI, would misread.
    def test_are_ascii(self):
        for name in SCRIPTS:
            read(name)

    # Catches: a bracket or a quotation mark too many or too few.
    def test_balance(self):
        closes = {")": "(", "]": "[", "}": "{"}
        for name in SCRIPTS:
            open_brackets = []
            for token in TOKEN.finditer(read(name)):
                self.assertNotEqual(token.lastgroup, "quote", f"{name}: unbalanced {token.group()} at {token.start()}")
                if token.lastgroup != "bracket":
                    continue
                if token.group() in closes:
                    self.assertTrue(open_brackets, f"{name}: {token.group()} at {token.start()}")
                    self.assertEqual(open_brackets.pop(), closes[token.group()], f"{name} at {token.start()}")
                else:
                    open_brackets.append(token.group())
            self.assertEqual(open_brackets, [], name)

    # Catches: a misspelt function or cmdlet, which a script would notice only when it gets there.
    def test_call_only_what_exists(self):
        shared = re.findall(r"^function ([\w-]+)", read("service-errors.ps1"), re.MULTILINE)
        for name in SCRIPTS:
            text = read(name)
            defined = lower(CMDLETS) | lower(shared) | lower(re.findall(r"^function ([\w-]+)", text, re.MULTILINE))
            without_strings = re.sub(r'"(?:[^"`]|`.|"")*"', '""', code_of(text))
            called = re.findall(r"(?<![\w$.-])([A-Z][a-z]+-[A-Z]\w+)", without_strings)
            self.assertTrue(called, name)
            self.assertEqual(lower(called) - defined, set(), name)

    # Catches: a misspelt variable, which strict mode turns into an error only when the script gets there.
    def test_use_only_variables_that_are_set(self):
        for name in SCRIPTS:
            code = code_of(read(name))
            used = lower(re.findall(r"\$(\w+)\b(?!:)", code))
            assigned = lower(re.findall(r"\$(\w+)\s*=[^=]", code))
            declared = lower(re.findall(r"\[\w+(?:\[\])?\]\s*\$(\w+)", code)) | lower(
                re.findall(r"foreach\s*\(\$(\w+)\s+in", code))
            self.assertEqual(used - assigned - declared - lower(AUTOMATIC_VARIABLES), set(), name)

    # Catches: an error that a user meets and no script explains.
    def test_explain_the_errors_a_user_meets(self):
        text = read("service-errors.ps1")
        for code in (5, 31, 577, 1058, 1060, 1062, 1072, 1275):
            self.assertRegex(text, rf"(?m)^ +{code} \{{\n +'.{{20}}", code)

    # Catches: something that is installed and never removed.
    def test_uninstall_reverses_install(self):
        install, uninstall = read("install.ps1"), read("uninstall.ps1")
        for text in (install, uninstall):
            self.assertIn("foreach ($store in 'Root', 'TrustedPublisher')", text)
        target = re.search(r"^\$target = (.*)$", install, re.MULTILINE).group(1)
        self.assertIn(f"$target = {target}", uninstall)
        self.assertIn("@('delete', 'AegisMon')", uninstall)

    # Catches: a parameter without help.
    def test_help_describes_every_parameter(self):
        text = read("install.ps1")
        self.assertEqual(re.findall(r"^\.PARAMETER (\w+)", text, re.MULTILINE), ["SlotCount", "NoStart"])
        for name in ("install.ps1", "uninstall.ps1"):
            for keyword in (".SYNOPSIS", ".DESCRIPTION", ".EXAMPLE"):
                self.assertIn(keyword, read(name))

    # Catches: whatever PowerShell's own parser calls an error.
    @unittest.skipUnless(shutil.which("pwsh"), "pwsh is not installed")
    def test_parse(self):
        for name in SCRIPTS:
            path = os.path.join(folder, name)
            command = ("$errors = $null; [void][Management.Automation.Language.Parser]::ParseFile("
                       f"'{path}', [ref]$null, [ref]$errors); $errors | ForEach-Object Message; exit $errors.Count")
            done = subprocess.run(["pwsh", "-NoProfile", "-Command", command], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, name + done.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
