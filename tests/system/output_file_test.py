"""Events into a file: what is in it when the disk is full, and whose time the lines tell."""

import contextlib
import datetime
import json
import os
import resource
import subprocess
import tempfile
import unittest
from pathlib import Path

import sensor


@contextlib.contextmanager
def small_disk(size):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def can_mount():
    if os.geteuid() != 0:
        return False
    with contextlib.suppress(subprocess.CalledProcessError, OSError), small_disk("4k"):
        return True
    return False


class FullDisk(unittest.TestCase):
    ROOM = 50_000  # no multiple of a line's length, nor of a page

    def check(self, path, reason, **limits):
        """An agent that writes into `path` until it is full: exit code 1, whole lines, and a word about it."""
        for output in ("ndjson", "text"):
            path.write_text("a line that was there\n")
            with self.subTest(output=output), sensor.Host("synthetic:5000") as host, path.open("a") as file:
                agent = subprocess.run([sensor.AGENT, "--device", host.socket, "--output", output], stdout=file,
                                       stderr=subprocess.PIPE, text=True, timeout=sensor.PATIENCE, check=False, **limits)
            self.assertEqual(agent.returncode, 1, agent.stderr)
            self.assertIn(f"cannot write to standard output: {reason}", agent.stderr)
            text = path.read_text()
            self.assertTrue(text.endswith("\n"), text[-300:])
            kept, *lines = text.splitlines()
            self.assertEqual(kept, "a line that was there")
            self.assertGreater(len(lines), 20)
            if output == "ndjson":
                numbers = [json.loads(line)["event"]["sequence"] for line in lines]
                self.assertEqual(numbers, sorted(set(numbers)))
            # More than half a line of room is left only when the piece of a line was taken back, and that is said.
            if len(text) != self.ROOM:
                self.assertIn("was taken back", agent.stderr)

    def test_a_file_that_may_not_grow_ends_with_a_whole_line(self):
        """Catches: half a line at the end; the signal that ends a program which writes beyond `ulimit -f`."""
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.ROOM, self.ROOM))

        with tempfile.TemporaryDirectory() as folder:
            self.check(Path(folder) / "events", "File too large", preexec_fn=limit)

    @unittest.skipUnless(can_mount(), "needs root to mount a small disk")
    def test_a_full_disk_leaves_whole_lines(self):
        with small_disk("52k") as folder:
            self.check(folder / "events", "No space left on device")


class LocalTime(unittest.TestCase):
    def test_text_lines_tell_local_time_and_its_zone_when_asked(self):
        """Catches: a zone that is ignored, its sign, local time in NDJSON or without being asked for."""
        zone = dict(os.environ, TZ="XYZ-5:30")
        with sensor.Host("synthetic:1000,count=20") as host:
            def lines(*options):
                return subprocess.run([sensor.AGENT, "--device", host.socket, "--count", "20", *options], env=zone,
                                      capture_output=True, text=True, timeout=sensor.PATIENCE, check=True).stdout.splitlines()

            utc, local, documents = lines(), lines("--local-time"), lines("--output", "ndjson")
        for utc_line, local_line, document in zip(utc, local, documents, strict=True):
            time = datetime.datetime.fromisoformat(json.loads(document)["@timestamp"][:23])
            self.assertTrue(utc_line.startswith(f"[{time:%H:%M:%S}.{time.microsecond // 1000:03}] #"), utc_line)
            time += datetime.timedelta(hours=5, minutes=30)
            self.assertTrue(local_line.startswith(f"[{time:%H:%M:%S}.{time.microsecond // 1000:03}+05:30] #"), local_line)


if __name__ == "__main__":
    unittest.main()
