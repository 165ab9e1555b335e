"""Agents that die, hosts that end."""

import os
import signal
import unittest

import sensor

KILLS = 200


class Survival(unittest.TestCase):
    def test_killed_agents_leave_nothing_behind(self):
        """Catches: a mapping, reference or doorbell that outlives its process (the host's verifier would stop)."""
        with sensor.Host("synthetic:50000") as host:
            for _ in range(KILLS):
                agent = sensor.Agent("--output", "ndjson", device=host.socket)
                sensor.wait_until(lambda: agent.bytes_printed() > 0, "the first event")
                self.assertEqual(agent.finish(signal.SIGKILL), -signal.SIGKILL)
                self.assertNotIn("pull", agent.messages())
                self.assertIsNone(host.process.poll(), host.messages())
            agent, code = sensor.run_agent("--count", "100", device=host.socket)
            self.assertEqual(code, 0, agent.messages())

    def test_an_agent_says_that_the_driver_went_away(self):
        """Catches: an agent that waits or spins for ever on a ring nobody writes."""
        for end in (signal.SIGTERM, signal.SIGKILL):
            for transport in ("ring", "pull"):
                with self.subTest(end=end, transport=transport):
                    host = sensor.Host("synthetic:100")
                    agent = sensor.Agent("--transport", transport, device=host.socket)
                    sensor.wait_until(lambda: agent.bytes_printed() > 0, "the first event")
                    host.process.send_signal(end)
                    self.assertEqual(agent.finish(), 6, agent.messages())
                    self.assertIn("summary:", agent.messages())
                    self.assertEqual(host.process.wait(sensor.PATIENCE), 0 if end == signal.SIGTERM else -end)

    def test_the_embedded_host_ends_with_a_killed_agent(self):
        agent = sensor.Agent("--source", "synthetic:1000")
        sensor.wait_until(lambda: agent.bytes_printed() > 0, "the first event")
        children = open(f"/proc/{agent.process.pid}/task/{agent.process.pid}/children").read().split()
        self.assertEqual(len(children), 1)
        agent.finish(signal.SIGKILL)
        sensor.wait_until(lambda: not os.path.exists(f"/proc/{children[0]}/exe") or is_zombie(children[0]),
                          "the embedded host's end")

    def test_ctrl_c_and_sigterm_end_cleanly(self):
        for request in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(request=request):
                agent = sensor.Agent("--source", "synthetic:1000")
                sensor.wait_until(lambda: agent.bytes_printed() > 0, "the first event")
                self.assertEqual(agent.finish(request), 0)
                self.assertRegex(agent.messages(),
                                 r"summary: delivered=\d+ lost=\d+ rate=\S+ wakeups=\d+ max_lag=\d+")
                self.assertEqual(len(agent.lines()), agent.summary()["delivered"])


def is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


if __name__ == "__main__":
    unittest.main()
