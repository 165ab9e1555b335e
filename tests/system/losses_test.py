"""Losses that happen outside of the ring: before it, in a source that is too slow, and behind it, on the way to a reader
that stops reading. None is silent."""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import sensor


def connector_works():
    """Whether the kernel delivers process events here; the host says so with its exit code."""
    with tempfile.TemporaryDirectory(prefix="aegis-test-") as folder:
        read, write = os.pipe()
        host = subprocess.Popen([sensor.HOST, "--socket", folder + "/device", "--source", "connector", "--ready-fd",
                                 str(write)], pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as ready:
            works = ready.readline().startswith("ready")
        host.terminate()
        host.wait(sensor.PATIENCE)
        return works


def datagrams_dropped(pid):
    """Of the connector's socket of this process, as the kernel counts them."""
    NETLINK_CONNECTOR = 11
    with open("/proc/net/netlink", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(int(row[8]) for row in rows if int(row[1]) == NETLINK_CONNECTOR and int(row[2]) == pid)


def run_on_every_cpu(program):
    cpus = os.sched_getaffinity(0)
    for cpu in cpus:
        os.sched_setaffinity(0, {cpu})
        subprocess.run([program], check=True)
    os.sched_setaffinity(0, cpus)
    return len(cpus)


class Losses(unittest.TestCase):
    @unittest.skipUnless(connector_works(), "needs the kernel's process events connector")
    def test_what_a_frozen_host_misses_is_lost_for_every_agent(self):
        """Catches: a loss that only the host's stderr shows; told by one transport only; counts that do not add up."""
        with tempfile.TemporaryDirectory(prefix="aegis-test-") as folder, sensor.Host("connector") as host:
            marker = shutil.copy("/bin/true", folder + "/marker")
            agents = {transport: sensor.Agent("--transport", transport, "--fail-on-loss", "--from", "now",
                                              device=host.socket) for transport in ("ring", "pull")}

            def markers(agent):
                return sum("CREATE" in line and marker in line for line in agent.lines())

            sensor.wait_until(lambda: subprocess.run([marker], check=True) and
                              all(markers(agent) for agent in agents.values()), "agents that read")

            host.process.send_signal(signal.SIGSTOP)
            for _ in range(500):
                if datagrams_dropped(host.process.pid) != 0:
                    break
                for _ in range(100):
                    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
            else:
                self.fail("the kernel dropped nothing")
            host.process.send_signal(signal.SIGCONT)

            # Nothing else happens on purpose: the loss must not wait for that.
            for agent in agents.values():
                sensor.wait_until(lambda: any("events (source)" in line for line in agent.lines()), "the loss")
            # Behind an event of every CPU the kernel's numbers leave nothing open.
            seen = {name: markers(agent) for name, agent in agents.items()}
            count = run_on_every_cpu(marker)
            for name, agent in agents.items():
                sensor.wait_until(lambda: markers(agent) == seen[name] + count, "the last events")
            codes = {name: agent.finish(signal.SIGTERM) for name, agent in agents.items()}
            self.assertEqual(host.end(), 0)
            told = re.findall(r"connector: (?:kernel|queue|perf)_dropped=(\d+)", host.messages())
            self.assertTrue(told, host.messages())

        for name, agent in agents.items():
            lines = agent.lines()
            lost = [(int(number), reason) for number, reason in re.findall(r"\] LOST (\d+) events \((.*)\)$",
                                                                           "\n".join(lines), re.MULTILINE)]
            self.assertEqual(sum(number for number, reason in lost if reason == "source"), sum(map(int, told)), name)
            summary = agent.summary()
            self.assertEqual(summary["lost"], sum(number for number, _ in lost), name)
            self.assertEqual(summary["delivered"], len(lines) - len(lost), name)
            self.assertEqual(codes[name], 5, agent.messages())

    EVENTS = 3000

    @contextlib.contextmanager
    def full_host(self):
        """Its ring holds all the events there will be: another agent has seen the last one, and stays, because its end
        would be one more."""
        with sensor.Host(f"synthetic:max,count={self.EVENTS}") as host:
            watcher = sensor.Agent("--from", "oldest", device=host.socket)
            try:
                sensor.wait_until(lambda: len(watcher.lines()) == self.EVENTS, "all events")
                # With their details.
                yield host, int(re.search(r"#(\d+) ", watcher.lines()[-1]).group(1))
            finally:
                watcher.finish(signal.SIGTERM)

    def start_into_a_pipe(self, host, *options):
        """An agent that has filled the pipe to us, which we do not read."""
        agent = subprocess.Popen([sensor.AGENT, "--device", host.socket, "--from", "oldest", *options],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        size = fcntl.fcntl(agent.stdout, fcntl.F_GETPIPE_SZ)

        def is_full():
            waiting = bytearray(4)
            fcntl.ioctl(agent.stdout, 0x541B, waiting)  # FIONREAD
            return int.from_bytes(waiting, "little") > size - 4096

        sensor.wait_until(is_full, "a pipe that is full")
        return agent

    @staticmethod
    def numbers(messages):
        line = re.search(r"^summary: (.*)$", messages, re.MULTILINE)
        assert line, messages
        return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", line.group(1))}

    def test_what_a_reader_does_not_take_is_unwritten(self):
        """Catches: lines given up at the end that no number shows; a line cut in two that counts as delivered; the
        events left in the ring, which are neither."""
        for transport in ("ring", "pull"):
            with self.full_host() as (host, published):
                agent = self.start_into_a_pipe(host, "--transport", transport)
                agent.send_signal(signal.SIGTERM)
                self.assertEqual(agent.wait(sensor.PATIENCE), 1)
            messages = agent.stderr.read().decode()
            self.assertIn("its reader took nothing", messages)
            numbers = self.numbers(messages)
            whole_lines = agent.stdout.read().count(b"\n")
            self.assertEqual(numbers["delivered"], whole_lines, messages)
            self.assertGreater(numbers["unwritten"], 0)
            self.assertEqual(numbers["delivered"] + numbers["joined"] + numbers["unwritten"] + numbers["lost"], published,
                             messages)
            agent.stdout.close()
            agent.stderr.close()

    def test_a_reader_that_leaves_is_quiet_unless_numbers_are_asked_for(self):
        """Catches: a summary nobody asked for; an exit code 5 or a --stats without one."""
        for options, code in (([], 0), (["--stats"], 0), (["--fail-on-loss"], 5)):
            with self.full_host() as (host, _):
                agent = self.start_into_a_pipe(host, *options)
                agent.stdout.close()
                self.assertEqual(agent.wait(sensor.PATIENCE), code)
            messages = agent.stderr.read().decode()
            agent.stderr.close()
            if not options:
                self.assertEqual(messages, "")
                continue
            numbers = self.numbers(messages)
            self.assertGreater(numbers["delivered"], 0)
            self.assertGreater(numbers["unwritten"], 0)
            self.assertEqual(numbers["lost"], 0)


if __name__ == "__main__":
    unittest.main()
