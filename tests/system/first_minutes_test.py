"""What somebody meets who has just built it: the guide's commands, help, wrong options, a device that is none."""

import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

import sensor

PROJECT = Path(__file__).resolve().parents[2]
PROGRAMS = (sensor.AGENT, sensor.HOST)
NT_NAMES = re.compile(r"STATUS_|NTSTATUS|\\|DosDevices|DriverEntry")


def run(*arguments, **options):
    return subprocess.run([str(argument) for argument in arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=sensor.PATIENCE, check=False, **options)


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="aegis-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.socket = os.path.join(folder.name, "device")

    def start(self, *arguments):
        process = subprocess.Popen([str(argument) for argument in arguments], stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process


class Help(unittest.TestCase):
    def test_no_line_is_longer_than_a_terminal(self):
        for program in PROGRAMS:
            for line in run(program, "--help").stdout.splitlines():
                self.assertLessEqual(len(line), 100, line)

    def test_what_cannot_be_written_is_a_failure(self):
        for program in PROGRAMS:
            for option in ("--help", "--version"):
                with open("/dev/full", "w", encoding="utf-8") as full:
                    result = subprocess.run([program, option], stdout=full, check=False, timeout=sensor.PATIENCE)
                self.assertEqual(result.returncode, 1, (program, option))

    def test_environment_variables_are_named(self):
        self.assertIn("AEGISMON_HOST", run(sensor.AGENT, "--help").stdout)
        self.assertIn("XDG_RUNTIME_DIR", run(sensor.HOST, "--help").stdout)


class WrongOptions(unittest.TestCase):
    def test_both_programs_say_who_complains_and_where_help_is(self):
        for program in PROGRAMS:
            # The agent leaves it to its host to judge a source.
            sources = [["--source", "etw"]] if program == sensor.HOST else []
            for wrong in (["one", "--two", "three"], ["--ring-kib", "69633"], ["--slot-count", "4096"],
                          ["--seed", "-1"], *sources):
                result = run(program, *wrong)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertEqual(result.stdout, "")
                first, second = result.stderr.splitlines()
                self.assertTrue(first.startswith(f"{program.name}: "), first)
                self.assertIn(wrong[0], first)
                self.assertIn("--help", second)
            self.assertIn(": one --two three\n", run(program, "one", "--two", "three").stderr)

    def test_a_ready_descriptor_that_is_none(self):
        for value in ("-1", "77", "x"):
            result = run(sensor.HOST, "--ready-fd", value)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertRegex(result.stderr, rf"^aegismon-host: --ready-fd: \S*{value}\S* is no ")

    def test_a_device_path_that_cannot_be(self):
        for path in ("", "x" * 108):
            result = run(sensor.AGENT, "--device", path)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn("--device", result.stderr)


class OtherDevices(Folder):
    def expect_no_driver(self, path, words):
        result = run(sensor.AGENT, "--device", path)
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn(words, result.stderr)
        self.assertIn(str(path), result.stderr)
        self.assertNotRegex(result.stderr, NT_NAMES)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_files_and_folders(self):
        file = os.path.join(self.folder, "file")
        Path(file).touch()
        for path in (file, self.folder, "/dev/null"):
            self.expect_no_driver(path, "is no socket")
        self.expect_no_driver("/nonexistent/device", "does not exist")

    def test_sockets_of_another_kind(self):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            path = f"{self.socket}-{kind}"
            with socket.socket(socket.AF_UNIX, kind) as other:
                other.bind(path)
                if kind == socket.SOCK_STREAM:
                    other.listen()
                self.expect_no_driver(path, "does not answer like an aegismon-host")

    def test_somebody_who_answers_something_else(self):
        for answer in (b"hello", b"x" * 100, b""):
            path = f"{self.socket}-{len(answer)}"
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
                other.bind(path)
                other.listen()

                def serve(listener=other, text=answer):
                    client, _ = listener.accept()
                    with client:
                        client.recv(4096)
                        if text:
                            client.send(text)

                thread = threading.Thread(target=serve)
                thread.start()
                self.expect_no_driver(path, "does not answer like an aegismon-host")
                thread.join()

    def test_somebody_who_answers_nothing(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
            other.bind(self.socket)
            other.listen()
            result = run(sensor.AGENT, "--device", self.socket, "--request-timeout", "1")
            self.assertEqual(result.returncode, 7, result.stderr)
            self.assertIn("no answer in time", result.stderr)


class HostThatComes(Folder):
    def test_the_guides_commands_work_as_written(self):
        guide = (PROJECT / "docs/operating.md").read_text(encoding="utf-8")
        host, agent = re.findall(r"^build/release/bin/(aegis.*?)(?: &)?$", guide, re.MULTILINE)
        self.assertTrue(host.startswith("aegismon-host ") and agent.startswith("aegis-agent "), (host, agent))
        place = "/run/aegismon/aegismon.sock"
        self.assertTrue(host.endswith(place) and agent.endswith(place), (host, agent))
        # With a socket that is this test's own, and something to see.
        host, agent = (command.replace(place, self.socket).split() for command in (host, agent))
        started = self.start(sensor.BIN / host[0], *host[1:], "--source", "synthetic:1000")
        result = run(sensor.BIN / agent[0], *agent[1:], "--count", "3")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(result.stdout.splitlines()), 3)
        started.send_signal(signal.SIGTERM)
        self.assertEqual(started.wait(sensor.PATIENCE), 0)

    def test_an_agent_waits_for_a_host_that_starts_after_it(self):
        agent = sensor.Agent("--count", "3", device=self.socket)
        sensor.wait_until(lambda: "waiting up to" in agent.messages(), "a word about the wait")
        host = self.start(sensor.HOST, "--socket", self.socket, "--source", "synthetic:1000")
        self.assertEqual(agent.finish(), 0, agent.messages())
        host.send_signal(signal.SIGTERM)
        self.assertEqual(host.wait(sensor.PATIENCE), 0)

    def test_the_wait_ends_by_itself_and_when_asked_to(self):
        agent = sensor.Agent(device=self.socket)
        self.assertEqual(agent.finish(), 3, agent.messages())
        self.assertIn("no aegismon-host listens at", agent.messages())
        for request in (signal.SIGTERM, signal.SIGINT):
            agent = sensor.Agent(device=self.socket)
            sensor.wait_until(lambda: "waiting up to" in agent.messages(), "a word about the wait")
            self.assertEqual(agent.finish(request), 0, agent.messages())

    def test_a_host_says_what_it_does(self):
        host = self.start(sensor.HOST, "--socket", self.socket, "--source", "synthetic:1", "--ring-kib", "128")
        self.assertEqual(host.stderr.readline(),
                         f"aegismon-host: ready: source synthetic, socket {self.socket}, ring of 128 KiB\n")

    @unittest.skipUnless(os.geteuid() == 0, "needs root to enter a network namespace of its own")
    def test_a_fallback_does_not_advise_what_it_does(self):
        host = self.start("unshare", "--net", sensor.HOST, "--socket", self.socket)
        line = host.stderr.readline()
        self.assertIn("scanning /proc", line)
        self.assertNotIn("--source procfs", line)

    def test_the_same_seed_makes_the_same_events(self):
        def paths(seed):
            result = run(sensor.AGENT, "--source", "synthetic:10000", "--seed", seed, "--count", "20")
            self.assertEqual(result.returncode, 0, result.stderr)
            return [line.split("] ", 1)[1] for line in result.stdout.splitlines()]
        self.assertEqual(paths(7), paths(7))
        self.assertNotEqual(paths(7), paths(8))


class Build(Folder):
    """The script that `make` builds with, on a project of one file."""

    def setUp(self):
        super().setUp()
        tree = Path(self.folder)
        (tree / "cmake").mkdir()
        shutil.copy(PROJECT / "cmake/build.sh", tree / "cmake")
        (tree / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.20)\nproject(One NONE)\n"
            "add_custom_command(OUTPUT one COMMAND ${CMAKE_COMMAND} -E touch one DEPENDS ${CMAKE_SOURCE_DIR}/source)\n"
            "add_custom_target(all_of_it ALL DEPENDS one)\n", encoding="utf-8")
        (tree / "CMakePresets.json").write_text(
            '{"version": 3, "configurePresets": [{"name": "one", "generator": "Ninja",'
            ' "binaryDir": "${sourceDir}/build/one"}]}', encoding="utf-8")
        self.source = tree / "source"
        self.source.touch()
        self.build = [str(tree / "cmake/build.sh"), "one", "all_of_it"]

    def test_it_is_silent_when_there_is_nothing_to_do(self):
        first = run(*self.build)
        self.assertEqual((first.returncode, first.stdout), (0, "==> Configuring one\n==> Building one\n"), first.stderr)
        second = run(*self.build)
        self.assertEqual((second.returncode, second.stdout, second.stderr), (0, "", ""))

    def test_a_terminal_shows_progress(self):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(self.build, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:
            pass
        os.close(ours)
        self.assertEqual(process.wait(sensor.PATIENCE), 0)
        self.assertIn(b"[1/1]", shown)

    def test_a_failure_is_told(self):
        run(*self.build)
        self.source.unlink()
        result = run(*self.build)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("source", result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
