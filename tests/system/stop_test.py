"""The sensor is stopped while agents read from it: they make room, and lose nothing that was published before."""

import re
import signal
import unittest

import sensor


# SyntheticGenerator::kFirstPid: above every pid of Linux.
FIRST_INVENTED_PID = 5_000_000


class Stop(unittest.TestCase):
    def test_agents_read_to_the_end_and_make_room(self):
        """Catches: an agent that keeps its handle until the host takes it away; one that leaves events behind; another
        exit code; a busy agent or one that pulls that does not learn of the stop."""
        for options in (["--transport", "ring"], ["--transport", "ring", "--consumers", "2"],
                        ["--transport", "pull", "--poll-ms", "60000"]):
            with self.subTest(options=options), \
                    sensor.Host("synthetic:2000", "--debug", "--ring-kib", "69632", "--stop-timeout", "3600") as host:
                # Whoever pulls before the first event asks again after a minute. This one's own end is an event, too.
                _, code = sensor.run_agent("--count", "1", device=host.socket)
                self.assertEqual(code, 0)
                agent = sensor.Agent("--output", "ndjson", *options, device=host.socket)
                sensor.wait_until(lambda: agent.bytes_printed() > 0, "the first event")
                self.assertEqual(host.end(), 0, host.messages())
                self.assertEqual(agent.finish(), 6, agent.messages())
                self.assertIn("AegisMon is being stopped", agent.messages())
                published = int(re.search(r"synthetic: events=(\d+)", host.messages()).group(1))
                events = [event for event in agent.events() if event["event"]["kind"] == "event"]
                self.assertEqual(len({event["event"]["sequence"] for event in events}), len(events))
                self.assertEqual(sum(event["process"]["pid"] >= FIRST_INVENTED_PID for event in events), published)
                self.assertEqual(agent.summary()["lost"], 0)

    def test_an_agent_that_does_not_react_is_named_and_left_behind(self):
        """Catches: a host that waits for it for ever, or says nothing."""
        with sensor.Host("synthetic:2000", "--stop-timeout", "1") as host:
            agent = sensor.Agent(device=host.socket)
            sensor.wait_until(lambda: agent.bytes_printed() > 0, "the first event")
            agent.process.send_signal(signal.SIGSTOP)
            self.assertEqual(host.end(), 0, host.messages())
            self.assertIn(f"still open after 1 s in process {agent.process.pid}:", host.messages())
            agent.process.send_signal(signal.SIGCONT)
            self.assertEqual(agent.finish(), 6, agent.messages())
            self.assertIn("AegisMon went away", agent.messages())


if __name__ == "__main__":
    unittest.main()
