"""The PowerShell scripts, as far as they can be judged without Windows: a lexer of our own finds what does not balance,
calls of functions that do not exist and variables that nobody sets. Where pwsh is installed, its parser judges too.

Usage: install_scripts_test.py <folder of the scripts> <folder of the project>
"""

import os
import re
import shutil
import subprocess
import sys
import unittest

folder, project = sys.argv[1:3]
PROGRAMS = ["install.ps1", "uninstall.ps1"]
SHARED = ["service-errors.ps1", "stop-driver.ps1", "certificates.ps1"]
SCRIPTS = PROGRAMS + SHARED
# What a user reads and copies commands from.
GUIDES = [os.path.join(project, "docs", "operating.md"), os.path.join(folder, "INSTALL.txt")]
CMDLETS = {"Confirm-SecureBootUEFI", "Copy-Item", "ForEach-Object", "Get-ChildItem", "Get-CimInstance",
           "Get-ItemProperty", "Get-PfxCertificate", "Get-Process", "Import-Certificate", "New-Item", "Out-Null",
           "Out-String", "Remove-Item", "Remove-ItemProperty", "Set-ItemProperty", "Set-StrictMode", "Start-Sleep",
           "Test-Path", "Where-Object", "Write-Host"}
AUTOMATIC_VARIABLES = {"_", "errorActionPreference", "false", "lastExitCode", "null", "psBoundParameters", "psScriptRoot",
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


def after(text, mark):
    return text[text.index(mark):]


def function(name):
    """The text of a shared function."""
    return re.search(rf"^function {name} \{{\n.*?^\}}", "\n".join(map(read, SHARED)), re.MULTILINE | re.DOTALL).group()


def advised(name):
    """The error codes that a function of service-errors.ps1 has a sentence for."""
    return [int(code) for code in re.findall(r"(?m)^ +(\d+) \{\n +'.{20}", function(name))]


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
        shared = [name for script in SHARED for name in re.findall(r"^function ([\w-]+)", read(script), re.MULTILINE)]
        for name in SCRIPTS:
            text = read(name)
            defined = lower(CMDLETS) | lower(shared) | lower(re.findall(r"^function ([\w-]+)", text, re.MULTILINE))
            without_strings = re.sub(r'"(?:[^"`]|`.|"")*"', '""', code_of(text))
            called = re.findall(r"(?<![\w$.-])([A-Z][a-z]+-[A-Z]\w+)", without_strings)
            self.assertTrue(called, name)
            self.assertEqual(lower(called) - defined, set(), name)

    # Catches: a shared file that a script forgets to load, or that is loaded from where the user happens to be.
    def test_load_what_they_share(self):
        for name in PROGRAMS:
            loaded = re.findall(r'^\. "\$PSScriptRoot\\([\w-]+\.ps1)"$', read(name), re.MULTILINE)
            self.assertEqual(loaded, SHARED, name)

    # Catches: a misspelt variable, which strict mode turns into an error only when the script gets there.
    def test_use_only_variables_that_are_set(self):
        shared = lower(re.findall(r"(?m)^\$(\w+) = ", "\n".join(map(read, SHARED))))
        for name in SCRIPTS:
            code = code_of(read(name))
            used = lower(re.findall(r"\$(\w+)\b(?!:)", code))
            assigned = lower(re.findall(r"\$(\w+)\s*=[^=]", code))
            declared = lower(re.findall(r"\[\w+(?:\[\])?\]\s*\$(\w+)", code)) | lower(
                re.findall(r"foreach\s*\(\$(\w+)\s+in", code))
            self.assertEqual(used - assigned - declared - shared - lower(AUTOMATIC_VARIABLES), set(), name)

    # Catches: an error that a user meets and no script explains.
    def test_explain_the_errors_a_user_meets(self):
        self.assertEqual(advised("Get-ServiceErrorAdvice"), [5, 577, 1056, 1058, 1060, 1061, 1062, 1072, 1275])

    # Catches: a failed DriverEntry explained as something else: its own status reaches the user as a Win32 error, never
    # as 31; and 5, which comes to a user who is elevated already, answered with "run elevated".
    def test_explain_how_the_start_routine_fails(self):
        self.assertEqual(advised("Get-StartErrorAdvice"), [5, 87, 127, 183, 1450])
        start = function("Get-StartErrorAdvice")
        self.assertNotIn("Run as administrator", start)
        self.assertIn("Get-ServiceErrorAdvice $Code", start)
        self.assertIn("Stop-WithServiceError 'start the driver' $code (Get-StartErrorAdvice $code)", read("install.ps1"))

    # Catches: advice in a script that the guide does not have, or the other way round.
    def test_guide_has_the_same_errors(self):
        with open(GUIDES[0], encoding="utf-8") as guide:
            rows = [int(code) for code in re.findall(r"^\| (\d+) \| .* \| .* \|$", after(guide.read(), "`sc.exe start`"),
                                                     re.MULTILINE)]
        of_a_start = {5, 87, 127, 183, 577, 1058, 1061, 1275, 1450}
        self.assertEqual(set(rows), of_a_start)
        self.assertLessEqual(of_a_start, set(advised("Get-ServiceErrorAdvice") + advised("Get-StartErrorAdvice")))

    # Catches: "sc", which Windows PowerShell takes for Set-Content: "sc start AegisMon" then writes a file named start.
    def test_no_command_says_sc_without_exe(self):
        for path in GUIDES + [os.path.join(folder, name) for name in SCRIPTS] + [os.path.join(project, "README.md")]:
            with open(path, encoding="utf-8") as file:
                self.assertNotRegex(file.read(), r"(?i)(?<![\w.$-])sc (start|stop|query|create|delete|config)\b", path)

    # Catches: a stop that takes "still stopping" for a failure; one that waits for ever, or does not say for whom and
    # what to do; a question to a driver that can no longer be opened.
    def test_a_stop_waits_for_those_who_hold_the_device(self):
        stop = function("Stop-Driver")
        self.assertRegex(stop, r"\$code -eq 1061\) \{[^}]*\$code = 0\n")
        self.assertLess(stop.index("Get-DeviceHolder"), stop.index("Invoke-ServiceControl @('stop'"))
        self.assertEqual(len(re.findall(r"Wait-ServiceStopped -Seconds \d+", stop)), 2)
        self.assertRegex(stop, r"Write-Host .*\$who")
        self.assertRegex(stop, r"Stop-WithReason \(.*\$who")
        self.assertIn("--holders", function("Get-DeviceHolder"))
        for name in PROGRAMS:
            self.assertIn("Stop-Driver", read(name))
            self.assertNotIn("'stop'", read(name))

    # Catches: certificates that pile up: those of earlier builds have another thumbprint and the same subject.
    def test_certificates_are_known_by_their_subject(self):
        with open(os.path.join(project, "cmake", "test-certificate.cnf"), encoding="ascii") as config:
            subject = re.search(r"^\[subject\]\nCN = (.*)$", config.read(), re.MULTILINE).group(1)
        text = read("certificates.ps1")
        self.assertIn(f"$aegisSubject = 'CN={subject}'", text)
        self.assertEqual(text.count("foreach ($store in 'Root', 'TrustedPublisher')"), 2)
        self.assertIn("$_.Subject -eq $aegisSubject", function("Remove-SigningCertificate"))

    # Catches: the old signer distrusted while its driver still runs, or kept when it is replaced.
    def test_the_installed_signer_goes_before_its_driver_is_replaced(self):
        install = read("install.ps1")
        order = [install.index(step) for step in ("Stop-Driver |", "Install-SigningCertificate $cert", "Copy-Item")]
        self.assertEqual(order, sorted(order))
        certificate = function("Install-SigningCertificate")
        self.assertLess(certificate.index("Remove-SigningCertificate -Except $thumbprint"),
                        certificate.index("Import-Certificate"))

    # Catches: something that is installed and never removed.
    def test_uninstall_reverses_install(self):
        install, uninstall = read("install.ps1"), read("uninstall.ps1")
        self.assertRegex(uninstall, r"(?m)^Remove-SigningCertificate$")
        target = re.search(r"^\$target = (.*)$", install, re.MULTILINE).group(1)
        self.assertIn(f"$target = {target}", uninstall)
        self.assertIn("@('delete', 'AegisMon')", uninstall)

    # Catches: a parameter without help.
    def test_help_describes_every_parameter(self):
        text = read("install.ps1")
        self.assertEqual(re.findall(r"^\.PARAMETER (\w+)", text, re.MULTILINE), ["RingKiB", "NoStart"])
        for name in PROGRAMS:
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
