"""Agents whose host is stopped, at each step of a session: they end when asked to, and go on when it does."""

import os
import re
import signal
import socket
import tempfile
import unittest

import sensor

TRANSPORTS = ("ring", "pull")
ENDS = (signal.SIGTERM, signal.SIGINT)


def stop(process):
    """SIGSTOP is over when the process is seen stopped, not when it was sent."""
    process.send_signal(signal.SIGSTOP)
    sensor.wait_until(lambda: state_of(process.pid) == "T", "a stopped process")


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0]


class StoppedHost:
    """A host that is stopped for the scope's life."""

    def __init__(self, host):
        self.host = host

    def __enter__(self):
        stop(self.host.process)

    def __exit__(self, kind, value, trace):
        self.host.process.send_signal(signal.SIGCONT)


def waits_in_a_call(agent):
    """It has sent the host something, and sleeps until there is a reply."""
    with open(f"/proc/{agent.process.pid}/syscall", encoding="utf-8") as call:
        return call.read().split()[0] in ("271", "7")  # ppoll, poll


class WhileOpening(unittest.TestCase):
    """The host accepts nobody: the agent's first request gets no answer."""

    def test_a_request_to_end_ends_it(self):
        with sensor.Host("synthetic:1000") as host, StoppedHost(host):
            for request in ENDS:
                with self.subTest(request=request):
                    agent = sensor.Agent(device=host.socket)
                    sensor.wait_until(lambda: waits_in_a_call(agent), "a request")
                    self.assertEqual(agent.finish(request), 0, agent.messages())
                    self.assertIn("asked to end before", agent.messages())

    def test_the_limit_ends_it_with_an_error_and_a_code_of_its_own(self):
        with sensor.Host("synthetic:1000") as host, StoppedHost(host):
            for options in (["--request-timeout", "1"], ["--duration", "0.5"]):
                with self.subTest(options=options):
                    agent, code = sensor.run_agent(*options, device=host.socket)
                    self.assertEqual(code, 7, agent.messages())
                    self.assertIn("no answer in time", agent.messages())
                    self.assertIn("kill -CONT", agent.messages())
                    self.assertEqual(len(agent.messages().splitlines()), 1, agent.messages())

    def test_a_full_queue_of_clients_is_no_trap(self):
        """Catches: connect() that waits in the kernel, where nothing interrupts it."""
        with sensor.Host("synthetic:1000") as host, StoppedHost(host):
            queued = []
            try:
                while True:
                    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
                    queued.append(client)
                    client.connect(host.socket)
            except BlockingIOError:
                pass
            agent, code = sensor.run_agent("--request-timeout", "1", device=host.socket)
            self.assertEqual(code, 7, agent.messages())
            for request in ENDS:
                agent = sensor.Agent(device=host.socket)
                sensor.wait_until(lambda: waits_in_a_call(agent), "connecting")
                self.assertEqual(agent.finish(request), 0, agent.messages())
            for client in queued:
                client.close()

    def test_it_goes_on_with_the_host(self):
        with sensor.Host("synthetic:1000") as host:
            with StoppedHost(host):
                agent = sensor.Agent("--count", "10", device=host.socket)
                sensor.wait_until(lambda: waits_in_a_call(agent), "a request")
            self.assertEqual(agent.finish(), 0, agent.messages())
            self.assertEqual(len(agent.lines()), 10)

    def test_an_embedded_host_that_is_stopped_before_it_is_ready(self):
        """The host that the agent starts stops itself, and would do anything only after that."""
        with tempfile.TemporaryDirectory(prefix="aegis-test-") as folder:
            program = os.path.join(folder, "host")
            with open(program, "w", encoding="utf-8") as script:
                script.write("#!/bin/sh\nkill -STOP $$\nexit 1\n")
            os.chmod(program, 0o755)
            os.environ["AEGISMON_HOST"] = program
            try:
                for request in ENDS:
                    agent = sensor.Agent()
                    sensor.wait_until(lambda: any(state_of(child) == "T" for child in children_of(agent)), "its host")
                    self.assertEqual(agent.finish(request), 0, agent.messages())
                    self.assertIn("asked to end before", agent.messages())
            finally:
                del os.environ["AEGISMON_HOST"]


class WhileReading(unittest.TestCase):
    def test_a_request_to_end_ends_it(self):
        for transport in TRANSPORTS:
            for request in ENDS:
                with self.subTest(transport=transport, request=request), sensor.Host("synthetic:1000") as host:
                    agent = sensor.Agent("--transport", transport, device=host.socket)
                    sensor.wait_until(lambda: agent.bytes_printed() > 0, "the first event")
                    with StoppedHost(host):
                        code = agent.finish(request)
                        # All that the ring held was read; what the driver still holds for a pull was not.
                        self.assertEqual(code, 0 if transport == "ring" else 7, agent.messages())
                    self.assertEqual(len(agent.lines()), agent.summary()["delivered"])
                    self.assertIn("unknown", agent.messages())

    def test_the_duration_ends_it(self):
        for transport in TRANSPORTS:
            with self.subTest(transport=transport), sensor.Host("synthetic:1000") as host:
                agent = sensor.Agent("--transport", transport, "--duration", "3", device=host.socket)
                sensor.wait_until(lambda: agent.bytes_printed() > 0, "the first event")
                with StoppedHost(host):
                    self.assertEqual(agent.finish(), 0 if transport == "ring" else 7, agent.messages())
                self.assertIn("summary:", agent.messages())

    def test_fail_on_loss_does_not_vouch_for_what_it_cannot_know(self):
        with sensor.Host("synthetic:1000") as host:
            agent = sensor.Agent("--fail-on-loss", "--from", "now", device=host.socket)
            sensor.wait_until(lambda: agent.bytes_printed() > 0, "the first event")
            with StoppedHost(host):
                self.assertEqual(agent.finish(signal.SIGTERM), 7, agent.messages())

    def test_it_says_once_that_nobody_answers_and_goes_on(self):
        """Catches: a late reply taken for another one, and events that a pull took from the driver and dropped."""
        for transport in TRANSPORTS:
            with self.subTest(transport=transport), sensor.Host("synthetic:500") as host:
                agent = sensor.Agent("--transport", transport, "--request-timeout", "1", "--health-interval", "1",
                                     device=host.socket)
                sensor.wait_until(lambda: agent.bytes_printed() > 0, "the first event")
                with StoppedHost(host):
                    sensor.wait_until(lambda: "did not answer" in agent.messages(), "a word about it")
                    printed = agent.bytes_printed()
                sensor.wait_until(lambda: "answers again" in agent.messages(), "a word about the end of it")
                sensor.wait_until(lambda: agent.bytes_printed() > printed, "further events")
                self.assertEqual(agent.finish(signal.SIGTERM), 0, agent.messages())
                self.assertEqual(agent.summary()["lost"], 0, agent.messages())
                numbers = [int(re.search(r"#(\d+) ", line).group(1)) for line in agent.lines()]
                # The numbers between are those of details, which became a part of the lines behind them.
                self.assertEqual(numbers, sorted(set(numbers)))
                said = re.findall(r"unknown: the driver did not answer|waiting on", agent.messages())
                self.assertLessEqual(len(said), 2, agent.messages())

    def test_a_stopped_embedded_host_is_ended(self):
        for request in ENDS:
            agent = sensor.Agent("--source", "synthetic:1000")
            sensor.wait_until(lambda: agent.bytes_printed() > 0, "the first event")
            (child,) = children_of(agent)
            os.kill(child, signal.SIGSTOP)
            sensor.wait_until(lambda: state_of(child) == "T", "a stopped host")
            self.assertEqual(agent.finish(request), 0, agent.messages())
            self.assertNotIn("signal 9", agent.messages())


def children_of(agent):
    with open(f"/proc/{agent.process.pid}/task/{agent.process.pid}/children", encoding="utf-8") as children:
        return [int(child) for child in children.read().split()]


if __name__ == "__main__":
    unittest.main()
