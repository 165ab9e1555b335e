"""Real processes of this machine, from the kernel to a printed line."""

import os
import signal
import subprocess
import unittest

import sensor


def connector_delivers():
    return os.geteuid() == 0 and "procfs" not in probe_messages()


def probe_messages():
    agent, _ = sensor.run_agent("--duration", "0.2", "--source", "auto")
    return agent.messages()


@unittest.skipUnless(connector_delivers(), "needs root and the initial PID namespace for the kernel's process events")
class LiveEvents(unittest.TestCase):
    PROCESSES = 500

    def test_every_short_process_is_reported_with_its_image_and_parent(self):
        """Catches: reading the image after the process may have ended; an exit without its start's fields; a fork
        without exec counted as a start of the shell."""
        agent = sensor.Agent("--output", "ndjson", "--source", "connector", "--fail-on-loss")

        def agent_sees(marker):
            subprocess.run([marker], stdout=subprocess.DEVNULL, check=False)
            return any(f'"{os.path.realpath(marker)}"' in line for line in agent.lines())

        sensor.wait_until(lambda: agent_sees("/bin/echo"), "the agent's first event")
        shell = subprocess.Popen(["/bin/sh", "-c", f"i=0; while [ $i -lt {self.PROCESSES} ]; do /bin/true; i=$((i+1)); done"])
        shell.wait(sensor.PATIENCE)
        sensor.wait_until(lambda: agent_sees("/bin/false"), "the last event")

        self.assertEqual(agent.finish(signal.SIGINT), 0, agent.messages())
        self.assertEqual(agent.summary()["lost"], 0)
        image = os.path.realpath("/bin/true")
        ours = [event for event in agent.events()
                if event.get("process", {}).get("parent", {}).get("pid") == shell.pid
                and event["process"].get("executable") == image]
        starts = [event["process"]["pid"] for event in ours if event["event"]["action"] == "process-start"]
        ends = [event["process"]["pid"] for event in ours if event["event"]["action"] == "process-end"]
        self.assertEqual(len(starts), self.PROCESSES)
        self.assertEqual(sorted(starts), sorted(ends))

    def test_sequences_have_no_gap_and_ids_are_unique(self):
        agent = sensor.Agent("--output", "ndjson", "--source", "connector", "--count", "40")
        while agent.process.poll() is None:
            subprocess.run(["/bin/true"], check=True)
        self.assertEqual(agent.finish(), 0)
        sequences = [event["event"]["sequence"] for event in agent.events()]
        self.assertEqual(sequences, list(range(1, 41)))
        self.assertEqual(len({event["event"]["id"] for event in agent.events()}), 40)


if __name__ == "__main__":
    unittest.main()
