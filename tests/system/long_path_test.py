"""Programs whose path is longer than an event holds: their name arrives, at their end too, and the cut shows."""

import os
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

import sensor
from live_events_test import connector_delivers

SOURCES = ["procfs"] + (["connector"] if connector_delivers() else [])
NAME = "program-that-hides"
HOLDS = 511  # UTF-16 units


def deep_program(folder, length):
    """A copy of sleep(1) whose whole path has `length` characters."""
    path = os.path.realpath(folder)
    while (missing := length - len(path) - len(NAME) - 1) > 0:
        # The last folder must leave room for its own slash: none of one character is left over.
        path += "/" + "d" * (missing - 1 if missing <= 201 else 199)
        os.mkdir(path)
    path += "/" + NAME
    assert len(path) == length
    return shutil.copy("/bin/sleep", path)


class LongPaths(unittest.TestCase):
    def watch(self, program, source, folder=None):
        """What two agents say of a process that runs `program`: its start and its end, as documents and as lines.
        `folder`: a descriptor of the one to start it from."""
        enter = None if folder is None else lambda: os.fchdir(folder)
        with sensor.Host(source) as host:
            ndjson = sensor.Agent("--output", "ndjson", device=host.socket)
            text = sensor.Agent(device=host.socket)
            process = subprocess.Popen([program, "1000"], stdin=subprocess.DEVNULL, preexec_fn=enter)

            def documents():
                return [event for event in ndjson.events() if event.get("process", {}).get("pid") == process.pid
                        and event["process"].get("name") == NAME and event["event"]["action"].startswith("process-")]

            def lines():
                return [line for line in text.lines() if f" pid={process.pid} " in line and NAME in line
                        and " THREAD-" not in line and " IMAGE-" not in line]

            try:
                sensor.wait_until(lambda: documents() and lines(), f"the start of {NAME}")
            finally:
                process.kill()
                process.wait(sensor.PATIENCE)
            sensor.wait_until(lambda: len(documents()) == 2 and len(lines()) == 2, f"the end of {NAME}")
            for agent in (ndjson, text):
                self.assertEqual(agent.finish(signal.SIGINT), 0, agent.messages())
            return documents(), lines()

    def test_a_path_that_does_not_fit_keeps_its_name_and_says_how_long_it_was(self):
        """Catches: the end of the path lost, a cut that looks like a partial name, an end that does not say it."""
        for source in SOURCES:
            for length in (HOLDS + 1, 1200, 4000):
                with self.subTest(source=source, length=length), tempfile.TemporaryDirectory() as folder:
                    program = deep_program(folder, length)
                    (start, end), (create, exit_line) = self.watch(program, source)
                    executable = start["process"]["executable"]
                    beginning, _, rest = executable.partition("...")
                    self.assertEqual(len(executable), HOLDS - 2)
                    self.assertTrue(program.startswith(beginning) and program.endswith(rest), executable)
                    for document in (start, end):
                        facts = document["aegis"]["process"]
                        self.assertEqual(facts["path_truncated"], True)
                        self.assertEqual(facts["path_length"], length)
                        self.assertEqual(facts["path_exact"], False)
                        self.assertNotIn("path_partial", facts)
                        self.assertNotIn("path_invalid_utf16", facts)
                        self.assertEqual(document["process"]["executable"], executable)
                    self.assertIn(f" {executable} [path cut: {length} units] [user: ", create)
                    self.assertTrue(exit_line.endswith(f" {NAME} [path cut: {length} units]"), exit_line)

    def test_a_path_that_no_link_of_proc_tells_keeps_its_name(self):
        """A program may be started from folders that only relative paths reach. Catches: a short name of 15 characters,
        and the dynamic linker taken for a program whose path could not be read."""
        for source in SOURCES:
            with self.subTest(source=source), tempfile.TemporaryDirectory() as base:
                length = len(os.path.realpath(base))
                folder = os.open(base, os.O_RDONLY)
                for _ in range(30):
                    os.mkdir("d" * 200, dir_fd=folder)
                    below = os.open("d" * 200, os.O_RDONLY, dir_fd=folder)
                    os.close(folder)
                    folder = below
                    length += 201
                with open(os.open(NAME, os.O_WRONLY | os.O_CREAT, 0o755, dir_fd=folder), "wb") as program:
                    program.write(Path("/bin/sleep").read_bytes())
                (start, end), _ = self.watch("./" + NAME, source, folder)
                os.close(folder)
                for document in (start, end):
                    self.assertEqual(document["aegis"]["process"]["path_length"], length + 1 + len(NAME))
                    self.assertTrue(document["process"]["executable"].endswith("d/" + NAME))
                    self.assertNotIn("path_partial", document["aegis"]["process"])

    def test_a_path_that_just_fits_is_whole(self):
        for source in SOURCES:
            with self.subTest(source=source), tempfile.TemporaryDirectory() as folder:
                program = deep_program(folder, HOLDS)
                (start, end), (create, exit_line) = self.watch(program, source)
                for document in (start, end):
                    self.assertEqual(document["process"]["executable"], program)
                    self.assertEqual(document["aegis"]["process"]["path_exact"], True)
                    self.assertNotIn("path_truncated", document["aegis"]["process"])
                self.assertIn(f" {program} [user: ", create)
                self.assertTrue(exit_line.endswith(" " + NAME), exit_line)


if __name__ == "__main__":
    unittest.main()
