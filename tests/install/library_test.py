"""libaegis as somebody else's program finds it: the examples in C, C++ and Python, built and run in clean folders against an
installed prefix, on a host that was installed with it."""

import fcntl
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import prefix

READER = prefix.EXAMPLES / "reader"
HERE = Path(__file__).resolve().parent
SEED = int(os.environ.get("AEGIS_SEED", random.SystemRandom().randrange(2**32)))
KILLS = 12

installed = prefix.Installed()
os.environ["AEGIS_BIN"] = str(installed.prefix / "bin")
sys.path.append(str(prefix.SOURCE / "tests" / "system"))
import sensor  # of the programs in AEGIS_BIN
from losses_test import connector_works

ENVIRONMENT = dict(os.environ, LD_LIBRARY_PATH=str(installed.prefix / "lib"))
PACKAGES = dict(os.environ, PKG_CONFIG_PATH=str(installed.prefix / "lib" / "pkgconfig"))


def setUpModule():
    global work
    work = Path(tempfile.mkdtemp(prefix="aegis-readers-"))


def tearDownModule():
    shutil.rmtree(work)
    installed.remove()


def pkg_config(*options):
    return prefix.run("pkg-config", *options, "aegis", env=PACKAGES).split()


def build(name, source, compiler, *options):
    """Without CMake: what a makefile does."""
    program = work / name
    standard = ["-std=c++20"] if source.suffix == ".cpp" else ["-std=c11"]
    prefix.run(compiler, *standard, *prefix.WARNINGS, source, "-o", program, *options)
    return program


class Reader:
    """A running example. Its standard error is a full pipe, so that it waits with its last words, and with its end, which
    would be one event more, until they are asked for."""

    def __init__(self, command, device):
        self.stdout = tempfile.TemporaryFile("w+")
        self.stderr, end = os.pipe()
        self.filling = fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 4096)
        os.write(end, b"." * self.filling)
        self.process = subprocess.Popen([*map(str, command), device], stdout=self.stdout, stderr=end, env=ENVIRONMENT,
                                        cwd=work)
        os.close(end)
        self.messages = None

    def wants_to_write(self):
        """Its last words, or the error that it begins with."""
        with open(f"/proc/{self.process.pid}/syscall", encoding="ascii") as call:
            return call.read().startswith("1 0x2 ")

    def finish(self):
        with os.fdopen(self.stderr) as words:
            self.messages = words.read()[self.filling:]
        return self.process.wait(sensor.PATIENCE)

    def lines(self):
        return sensor.written_to(self.stdout).splitlines()

    def sums(self):
        found = re.search(r"^first=(\d+) events=(\d+) lost=(\d+)$", self.messages, re.MULTILINE)
        assert found, self.messages
        return map(int, found.groups())


class Counters:
    """The driver's own numbers, through a handle that reads nothing."""

    def __init__(self, device):
        self.process = subprocess.Popen([work / "counters", device], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=ENVIRONMENT)

    def ask(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", self.process.stdout.readline())}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate(timeout=sensor.PATIENCE)


def build_counters():
    build("counters", HERE / "counters.c", "gcc", *pkg_config("--cflags", "--libs"))


class Library(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        build_counters()
        cls.readers = {"python": [sys.executable, "-B", READER / "reader.py"]}
        for compiler, (c, cxx) in prefix.COMPILERS.items():
            tree = prefix.build_project(READER, installed.prefix, work / compiler, compiler)
            for name in ("reader_c", "reader_cpp", "reader_static"):
                cls.readers[f"{name}, {compiler}, CMake"] = [tree / name]
            for name, source, with_ in (("c", READER / "reader.c", c), ("cpp", READER / "reader.cpp", cxx)):
                cls.readers[f"{name}, {compiler}, pkg-config"] = [
                    build(f"{name}-{compiler}", source, with_, *pkg_config("--cflags", "--libs"))]
            cls.readers[f"c, {compiler}, pkg-config --static"] = [
                build(f"static-{compiler}", READER / "reader.c", c, "-static", *pkg_config("--static", "--cflags", "--libs"))]

    def start(self, command, host, counters):
        reader = Reader(command, host.socket)
        sensor.wait_until(lambda: counters.ask()["consumers"] == 1 or reader.wants_to_write(), "a reader")
        return reader

    def stop(self, host, reader, counters):
        """Ends the host while `counters` keeps the driver; gives the driver's numbers when the reader had read all."""
        host.process.send_signal(signal.SIGTERM)
        sensor.wait_until(reader.wants_to_write, "the reader's last words")
        numbers = counters.ask()
        self.assertEqual(reader.finish(), 0, reader.messages)
        return numbers

    def check_sums(self, reader, before, after):
        """What the example said at its end, against the driver's counters: each event delivered or lost, each loss told
        in a line of its own, and nothing twice."""
        first, events, lost = reader.sums()
        lost_before = after["lost_before"] - before["lost_before"]
        self.assertEqual(events + lost, after["published"] - (first - 1) + lost_before, (reader.messages, before, after))
        told = [int(count) for count in re.findall(r"^LOST (\d+)$", "\n".join(reader.lines()), re.MULTILINE)]
        self.assertEqual(sum(told), lost)
        return events, lost

    def test_every_event_and_every_loss_is_counted(self):
        """Catches: an event or a loss that a language does not get, or gets twice; a loss that is not told; an end of the
        driver that a reader does not see, or that comes before its last event."""
        for name, command in self.readers.items():
            with self.subTest(reader=name), \
                    sensor.Host("synthetic:4000", "--ring-kib", "64", "--debug", "--stop-timeout", "3600") as host:
                with Counters(host.socket) as counters:
                    before = counters.ask()
                    reader = self.start(command, host, counters)
                    # One that has only registered would begin behind the lap, and lose nothing.
                    sensor.wait_until(lambda: counters.ask()["cursor"] > 0, "a reader that has begun")
                    reader.process.send_signal(signal.SIGSTOP)
                    stopped_at = counters.ask()["published"]
                    # More than the ring keeps.
                    sensor.wait_until(lambda: counters.ask()["published"] > stopped_at + 1000, "a ring that goes round")
                    reader.process.send_signal(signal.SIGCONT)
                    after = self.stop(host, reader, counters)
                self.assertEqual(host.process.wait(sensor.PATIENCE), 0)
                events, lost = self.check_sums(reader, before, after)
                # Processes with their details.
                self.assertGreater(after["published"], int(re.search(r"synthetic: events=(\d+)", host.messages()).group(1)))
                self.assertGreater(events, 0)
                self.assertGreater(lost, 0)

    @unittest.skipUnless(connector_works(), "needs the kernel's process events connector")
    def test_real_processes_are_seen(self):
        """Catches: a path that a language reads wrong; a start that is left out, or told twice."""
        processes = 20
        marker = str(shutil.copy("/bin/true", work / "marker"))
        for name, command in self.readers.items():
            with self.subTest(reader=name), sensor.Host("connector", "--stop-timeout", "3600") as host, \
                    Counters(host.socket) as counters:
                before = counters.ask()
                reader = self.start(command, host, counters)
                # Reads the same, and says at once what came: the kernel tells the host when it sees fit.
                witness = sensor.Agent("--quiet", device=host.socket)
                sensor.wait_until(lambda: counters.ask()["consumers"] == 2, "a witness")
                for _ in range(processes):
                    subprocess.run([marker], check=True)
                sensor.wait_until(lambda: sum(marker in line for line in witness.lines() if " CREATE " in line) == processes,
                                  "all processes")
                after = self.stop(host, reader, counters)
                self.assertEqual(witness.finish(), 6, witness.messages())
                self.check_sums(reader, before, after)
                starts = [line for line in reader.lines() if re.fullmatch(rf"START \d+ {re.escape(marker)}", line)]
                self.assertEqual(len(starts), processes)
                self.assertEqual(len(set(starts)), processes, "each has a number of its own")

    def test_a_reader_killed_at_any_moment_leaves_nothing_behind(self):
        """Catches: a mapping, a handle or a consumer that outlives its process."""
        moments = random.Random(SEED)
        with sensor.Host("synthetic:20000") as host, Counters(host.socket) as counters:
            for round_number in range(KILLS):
                for name, command in self.readers.items():
                    if "CMake" in name:
                        continue
                    with self.subTest(reader=name, round=round_number, AEGIS_SEED=SEED):
                        reader = Reader(command, host.socket)
                        time.sleep(moments.uniform(0, 0.1 if "python" in name else 0.03))
                        reader.process.kill()
                        self.assertEqual(reader.finish(), -signal.SIGKILL)
                        sensor.wait_until(lambda: (counters.ask()["handles"], counters.ask()["consumers"]) == (1, 0),
                                          "an end that leaves nothing")
            agent, code = sensor.run_agent("--holders", device=host.socket)
            self.assertEqual((code, agent.lines()), (0, []))
            self.assertIsNone(host.process.poll(), host.messages())

    def test_what_is_linked_is_what_was_asked_for(self):
        """Catches: a program that drags the static library's dependencies in; one that has both."""
        for name, command in self.readers.items():
            if name == "python":
                continue
            needed = re.findall(r"NEEDED +(\S+)", prefix.run("objdump", "-p", command[0]))
            with self.subTest(reader=name, needed=needed):
                self.assertEqual("libaegis.so.1" in needed, "static" not in name)
                self.assertFalse([library for library in needed if not re.match(
                    r"lib(aegis|c|m|gcc_s|stdc\+\+|pthread)\.so|ld-linux", library)])

    def test_an_error_is_a_sentence(self):
        for name, command in self.readers.items():
            with self.subTest(reader=name):
                reader = Reader(command, str(work / "nobody-listens"))
                self.assertEqual(reader.finish(), 1)
                self.assertIn("nobody-listens", reader.messages)
                self.assertIn("events=0 lost=0", reader.messages)


if __name__ == "__main__":
    unittest.main()
