"""Several agents of one host: each sees everything, and none costs another anything."""

import re
import signal
import unittest

import sensor


def sequences(agent):
    return [event["event"]["sequence"] for event in agent.events() if event["event"]["kind"] == "event"]


class SeveralAgents(unittest.TestCase):
    def test_each_sees_every_event(self):
        """Catches: one consumer taking another's events."""
        total = 3000
        with sensor.Host(f"synthetic:2000,count={total}") as host:
            agents = [sensor.Agent("--output", "ndjson", "--count", str(total), device=host.socket) for _ in range(2)]
            for agent in agents:
                self.assertEqual(agent.finish(), 0, agent.messages())
                self.assertEqual(len(sequences(agent)), total)
            # The numbers between are those of details, which became a part of the documents behind them.
            self.assertEqual(sequences(agents[0]), sequences(agents[1]))
            self.assertEqual(sequences(agents[0]), sorted(set(sequences(agents[0]))))

    def test_a_stopped_agent_costs_the_other_nothing_and_knows_what_it_lost(self):
        """Catches: a producer that waits for a slow consumer; a miscounted or silent loss."""
        total = 60000
        with sensor.Host(f"synthetic:20000,count={total}", "--ring-kib", "4352") as host:
            stopped = sensor.Agent("--output", "ndjson", device=host.socket)
            sensor.wait_until(lambda: stopped.bytes_printed() > 0, "the first event")
            stopped.process.send_signal(signal.SIGSTOP)
            other = sensor.Agent("--output", "ndjson", "--from", "oldest", device=host.socket)
            sensor.wait_until(lambda: len(other.lines()) >= total, "the other's last event")
            stopped.process.send_signal(signal.SIGCONT)
            sensor.wait_until(lambda: stopped.lines()[-1] == other.lines()[-1], "its last event")
            for agent in (stopped, other):
                self.assertEqual(agent.finish(signal.SIGINT), 0, agent.messages())

        summary = stopped.summary()
        self.assertGreater(summary["lost"], 0)
        gaps = [event["aegis"]["lost"] for event in stopped.events() if event["event"]["kind"] == "pipeline_error"]
        self.assertEqual(sum(int(gap["count"]) for gap in gaps), summary["lost"])
        # Every number from the first to the last is an event, a detail of one or inside exactly one gap, in its place.
        # The agent may have come too late for the very first ones.
        expected = 0
        for event in stopped.events():
            begin, end = self.numbers(event)
            self.assertGreaterEqual(begin, expected)
            expected = end
        self.assertGreater(expected, total)
        delivered = summary["delivered"] + summary["joined"]
        self.assertLessEqual(delivered + summary["lost"], expected - 1)
        self.assertEqual(delivered + summary["lost"], expected - int(self.first_number(stopped)))

    @staticmethod
    def first_number(agent):
        """Of what the agent has read: it says so unless that is the first of all."""
        told = re.search(r"starts with event #(\d+)", agent.messages())
        return told.group(1) if told else 1

    def numbers(self, event):
        """The sequence numbers that a line stands for: the first, and the one after the last."""
        if event["event"]["kind"] != "pipeline_error":
            return event["event"]["sequence"], event["event"]["sequence"] + 1
        gap = event["aegis"]["lost"]
        self.assertEqual(int(gap["last"]) - int(gap["first"]) + 1, int(gap["count"]))
        return int(gap["first"]), int(gap["last"]) + 1

    def test_threads_of_one_agent_share_the_events(self):
        """Catches: a claim that lets two threads print one event, or drops it between them."""
        total = 20000
        with sensor.Host(f"synthetic:10000,count={total}", "--ring-kib", "69632") as host:
            agent, code = sensor.run_agent("--output", "ndjson", "--consumers", "3", "--count", str(total),
                                           device=host.socket)
            self.assertEqual(code, 0, agent.messages())
            self.assertEqual(len(set(sequences(agent))), total)

    def test_pull_sees_the_same_events_as_the_ring(self):
        total = 2000
        with sensor.Host(f"synthetic:max,count={total}") as host:
            printed = []
            for transport in ("ring", "pull"):
                agent, code = sensor.run_agent("--output", "ndjson", "--transport", transport, "--count", str(total),
                                               device=host.socket)
                self.assertEqual(code, 0, agent.messages())
                printed.append(agent.lines())
            self.assertEqual(printed[0], printed[1])


if __name__ == "__main__":
    unittest.main()
