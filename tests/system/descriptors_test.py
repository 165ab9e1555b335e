"""Hosts that may open few files: they say so and do not start, or they serve whom they can and refuse the others."""

import os
import resource
import signal
import subprocess
import tempfile
import unittest

import sensor

TOO_FEW = "too few file descriptors"
# With 3, the system's loader has none for the libraries.
FEWEST = int(os.environ.get("AEGIS_FEWEST_DESCRIPTORS", "4"))


def limited_host(limit, socket, source):
    """Started with room for `limit` descriptors; ready when it says so on stderr, ended when that is closed."""
    def lower():
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    return subprocess.Popen([sensor.HOST, "--socket", socket, "--source", source], stderr=subprocess.PIPE, text=True,
                            preexec_fn=lower)


class FewDescriptors(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="aegis-test-")
        self.socket = os.path.join(self.folder.name, "device")

    def tearDown(self):
        self.folder.cleanup()

    def kill_in_the_end(self, owner):
        self.addCleanup(owner.process.kill)
        return owner

    def end(self, host):
        host.send_signal(signal.SIGTERM)
        messages = host.stderr.read()
        host.stderr.close()
        return host.wait(sensor.PATIENCE), messages

    def test_every_limit_gives_a_host_that_works_or_one_message(self):
        """Catches: a host that starts and cannot serve, one that blames the driver, one that dies unloaded."""
        works = []
        for limit in range(FEWEST, 45):
            with self.subTest(limit=limit):
                host = limited_host(limit, self.socket, "synthetic:1000")
                self.addCleanup(host.kill)
                first = host.stderr.readline()
                if "ready:" in first:
                    agent, code = sensor.run_agent("--count", "3", device=self.socket)
                    self.assertEqual(code, 0, agent.messages())
                    self.assertNotIn("pull", agent.messages())
                    self.assertEqual(self.end(host), (0, ""))
                    works.append(limit)
                else:
                    self.assertEqual(host.wait(sensor.PATIENCE), 4, first)
                    self.assertIn(f"{TOO_FEW}: this process may open {limit}", first)
                    self.assertIn("ulimit -n", first)
                    self.assertEqual(host.stderr.read(), "")
                    host.stderr.close()
        self.assertTrue(works and works == list(range(works[0], 45)), works)

    def test_a_client_too_many_is_refused_and_nobody_else_notices(self):
        """Catches: a client that waits for ever, a host that ends, and a source that takes every process for ended when
        it cannot look at them."""
        # Procfs opens and closes some at every scan.
        host = limited_host(50, self.socket, "procfs")
        self.addCleanup(host.kill)
        self.assertIn("ready:", host.stderr.readline())
        # One that comes while a scan is over may get in and fail at its first request, with the same answer and without
        # the host's word. So several are refused: sooner or later one of them stands at the door.
        served, refused = [], 0
        while refused < 10:
            self.assertLess(len(served), 50)
            subprocess.run(["/bin/true"], check=True)
            agent = self.kill_in_the_end(sensor.Agent(device=self.socket))
            sensor.wait_until(lambda: agent.process.poll() is not None or agent.bytes_printed() > 0,
                              "an agent that is served, or refused")
            if agent.process.poll() is None:
                served.append(agent)
                continue
            refused += 1
            self.assertEqual(agent.finish(), 1, agent.messages())
            self.assertIn("descriptors", agent.messages())
        self.assertGreaterEqual(len(served), 1)
        # Those that live, the first agent for one, have not ended.
        alive = {str(agent.process.pid) for agent in served} | {"1", str(os.getpid())}
        for agent in served:
            self.assertEqual(agent.finish(signal.SIGTERM), 0, agent.messages())
        ended = {line.split("pid=")[1].split()[0] for line in served[0].lines() if " EXIT " in line}
        self.assertFalse(ended & alive, served[0].lines())
        agent, code = sensor.run_agent("--count", "1", device=self.socket)
        self.assertEqual(code, 0, agent.messages())
        code, messages = self.end(host)
        self.assertEqual(code, 0, messages)
        self.assertIn(f"a client is refused: {TOO_FEW}", messages)


if __name__ == "__main__":
    unittest.main()
