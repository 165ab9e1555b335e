"""Runs a GoogleTest program on a mutant."""

import os
import re
import subprocess


def who_noticed(program, arguments, name, limit, environment=None):
    """None when all tests pass, otherwise the test that failed, or how the program ended. A mutant that makes a test
    run on for ever is killed by the clock, after `limit` seconds."""
    command = [program, *arguments, "--gtest_fail_fast", "--gtest_brief=1"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=limit,
                                env={**os.environ, **(environment or {})})
    except subprocess.TimeoutExpired:
        return f"{name} (did not end)"
    if result.returncode == 0:
        return None
    failed = re.search(r"\[  FAILED  \] ([\w/.]+)", result.stdout)
    if failed:
        return f"{name}: {failed.group(1)}"
    stop = re.search(r"\*\*\* STOP: (\w+)|(?:SUMMARY|WARNING): (\w+Sanitizer: [\w-]+(?: [\w-]+)?)", result.stderr)
    how = next(filter(None, stop.groups())) if stop else f"ended with code {result.returncode}"
    return f"{name}: {how}"
