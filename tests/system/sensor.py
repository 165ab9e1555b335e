"""Starts hosts and agents the way a user does, and reads what they print."""

import json
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

BIN = Path(os.environ["AEGIS_BIN"])
AGENT = BIN / "aegis-agent"
HOST = BIN / "aegismon-host"

# How long a test waits for something that must happen. Generous: reaching it is a failure, being slow is none.
PATIENCE = 120


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE} s in vain: {what}")
        time.sleep(0.01)


def written_to(file):
    """What a child has written to a file that it shares with us. Read through a description of our own: seeking in the
    shared one would move the place where the child writes next."""
    with open(f"/proc/self/fd/{file.fileno()}", encoding="utf-8") as reader:
        return reader.read()


class Host:
    """A running aegismon-host; on leaving the scope it is asked to end and must do so with exit code 0."""

    def __init__(self, source, *options, folder=None):
        self._own = tempfile.TemporaryDirectory(prefix="aegis-test-") if folder is None else None
        self.socket = str(Path(self._own.name if self._own else folder) / "device")
        if self._own:
            os.chmod(self._own.name, 0o755)
        ready_read, ready_write = os.pipe()
        self.stderr = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [HOST, "--socket", self.socket, "--source", source, "--ready-fd", str(ready_write), *options],
            stderr=self.stderr, pass_fds=[ready_write])
        os.close(ready_write)
        with os.fdopen(ready_read) as ready:
            if not ready.readline().startswith("ready"):
                raise AssertionError(f"host did not start: {self.messages()}")

    def messages(self):
        return written_to(self.stderr)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        code = self.end() if self.process.poll() is None else self.process.returncode
        messages = self.messages()
        self.stderr.close()
        if self._own:
            self._own.cleanup()
        if kind is None and (code != 0 or "STOP" in messages):
            raise AssertionError(f"host ended with {code}: {messages}")


class Agent:
    """A running aegis-agent whose output goes to files, so that it never waits for this test."""

    def __init__(self, *options, device=None):
        self.stdout = tempfile.TemporaryFile("w+")
        self.stderr = tempfile.TemporaryFile("w+")
        where = [] if device is None else ["--device", device]
        self.process = subprocess.Popen([AGENT, *where, *options], stdout=self.stdout, stderr=self.stderr)

    def finish(self, request=None):
        """Ends the agent (with a signal, if one is given) and returns its exit code."""
        if request is not None:
            self.process.send_signal(request)
        return self.process.wait(PATIENCE)

    def messages(self):
        return written_to(self.stderr)

    def lines(self):
        return written_to(self.stdout).splitlines()

    def events(self):
        return [json.loads(line) for line in self.lines()]

    def bytes_printed(self):
        return os.fstat(self.stdout.fileno()).st_size

    def summary(self):
        """The numbers of the summary line, by name."""
        line = re.search(r"^summary: (.*)$", self.messages(), re.MULTILINE)
        assert line, f"no summary in: {self.messages()}"
        return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", line.group(1))}


def run_agent(*options, device=None):
    agent = Agent(*options, device=device)
    return agent, agent.finish()
