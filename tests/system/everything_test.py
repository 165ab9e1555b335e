"""One process does everything that the sensors see on Linux, beside a machine that goes on: all of it is printed, each with
the process that did it, and every event is accounted for."""

import collections
import ctypes
import glob
import os
import signal
import subprocess
import sys
import unittest

import sensor

# Forks, runs a program, makes a thread, loads a library, attaches to a child, reads its memory, writes a sysctl.
SCRIPT = """
import ctypes, os, signal, subprocess, threading, time
libc = ctypes.CDLL(None, use_errno=True)
subprocess.run(["/bin/true", "an argument"], check=True)
thread = threading.Thread(target=time.sleep, args=(0,)); thread.start(); thread.join()
ctypes.CDLL({library!r})
target = subprocess.Popen(["/bin/sleep", "1000"])
# Who is attached to in the middle of an exec stops for that first.
while open(f"/proc/{{target.pid}}/stat").read().split()[1:3] != ["(sleep)", "S"]:
    pass
PTRACE_ATTACH, PTRACE_DETACH = 16, 17
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
assert libc.ptrace(PTRACE_ATTACH, target.pid, None, None) == 0, ctypes.get_errno()
os.waitpid(target.pid, 0)
address = int(open(f"/proc/{{target.pid}}/maps").read().split("-")[0], 16)
class iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
here = ctypes.create_string_buffer(4)
assert libc.process_vm_readv(target.pid, ctypes.byref(iovec(ctypes.addressof(here), 4)), 1,
                             ctypes.byref(iovec(address, 4)), 1, 0) == 4, ctypes.get_errno()
assert here.raw == b"\\x7fELF"
libc.ptrace(PTRACE_DETACH, target.pid, None, None)
with open("/proc/sys/kernel/hostname") as file:
    name = file.read()
with open("/proc/sys/kernel/hostname", "w") as file:
    file.write(name)
target.kill()
target.wait()
print(target.pid)
"""


def unseen():
    """What the sensors are not told of here, as the agent's host says it."""
    agent, _ = sensor.run_agent("--duration", "0.2", "--source", "auto")
    return agent.messages()


class Everything(unittest.TestCase):
    def setUp(self):
        self.library = next(iter(glob.glob("/usr/lib/*/libm.so.6")), None)
        messages = unseen()
        if os.geteuid() != 0 or "procfs" in messages or self.library is None:
            self.skipTest("needs root, the kernel's process events and a library to load")
        # Where the kernel does not tell of something, the host names it, and the rest is still to be there.
        self.untold = messages

    def run_script(self, agent):
        """The script's process and the one it has attached to; again and again until the agent has seen one to its end."""
        runs = []

        def agent_has_seen_one():
            script = subprocess.Popen([sys.executable, "-c", SCRIPT.format(library=self.library)],
                                      stdout=subprocess.PIPE, text=True)
            target, _ = script.communicate(timeout=sensor.PATIENCE)
            self.assertEqual(script.returncode, 0)
            runs.append((script.pid, int(target)))
            lines = agent.lines()
            return any(f'"action":"process-start"' in line and f'"process":{{"pid":{runs[0][0]},' in line
                       for line in lines) or len(runs) > 1 and self.ended(lines, runs[1][0])

        sensor.wait_until(agent_has_seen_one, "the end of the script")
        last = runs[-1]
        sensor.wait_until(lambda: self.ended(agent.lines(), last[0]), "the end of the last script")
        return last

    @staticmethod
    def ended(lines, pid):
        return any('"action":"process-end"' in line and f'"process":{{"pid":{pid},' in line for line in lines)

    def test_everything_a_process_does_is_told_with_who_did_it(self):
        """Catches: a sensor that is not fed, an event of another process, one without its process's id, command line or
        parent; an event that is neither printed nor part of another's document nor counted as lost."""
        agent = sensor.Agent("--output", "ndjson", "--source", "auto", "--fail-on-loss")
        pid, target = self.run_script(agent)
        self.assertEqual(agent.finish(signal.SIGINT), 0, agent.messages())
        events = agent.events()
        ours = [event for event in events if event.get("process", {}).get("pid") == pid]
        self.assertEqual(len({event["process"]["entity_id"] for event in ours}), 1, "one process, one id")
        by_action = collections.defaultdict(list)
        for event in ours:
            by_action[event["event"]["action"]].append(event)

        start, = by_action["process-start"]
        self.assertEqual(start["process"]["executable"], os.path.realpath(sys.executable))
        self.assertTrue(start["process"]["command_line"].startswith(sys.executable + " -c "))
        self.assertEqual(start["process"]["args"][1], "-c")
        self.assertEqual(start["process"]["parent"]["pid"], os.getpid())
        self.assertEqual(start["user"]["id"], "0")
        self.assertEqual(start["user"]["name"], "root")

        child, = [event for event in events if event["event"]["action"] == "process-start"
                  and event["process"].get("executable") == os.path.realpath("/bin/true")
                  and event["process"]["parent"]["pid"] == pid]
        self.assertEqual(child["process"]["args"], ["/bin/true", "an argument"])
        self.assertEqual(child["process"]["parent"]["entity_id"], start["process"]["entity_id"])
        self.assertEqual(child["process"]["parent"]["executable"], start["process"]["executable"])

        end, = by_action["process-end"]
        self.assertEqual(end["process"]["exit_code"], 0)
        self.assertEqual(end["process"]["command_line"], start["process"]["command_line"])
        self.assertEqual(end["process"]["parent"]["pid"], os.getpid())
        self.assertGreater(end["event"]["duration"], 0)

        if "threads" not in self.untold:
            self.assertIn(pid, [event["aegis"]["thread"].get("creator_pid") for event in by_action["thread-start"]])
            self.assertEqual(len(by_action["thread-start"]), len(by_action["thread-end"]))
            paths = [event["dll"]["path"] for event in by_action["image-load"]]
            self.assertIn(os.path.realpath(self.library), paths)

        if "handles" not in self.untold:
            opens = [event for event in by_action["process-open"] if event["Target"]["process"]["pid"] == target]
            rights = {right for event in opens for right in event["aegis"]["handle"]["requested"]["rights"]}
            self.assertLessEqual({"vm-read", "vm-write", "terminate"}, rights, opens)
            ids = {event["Target"]["process"]["entity_id"] for event in opens}
            started, = [event for event in events if event["event"]["action"] == "process-start"
                        and event["process"]["pid"] == target]
            self.assertEqual(ids, {started["process"]["entity_id"]})

        if "sysctl" not in self.untold:
            write, = [event for event in by_action["registry-set-value"]
                      if event["registry"]["value"] == "hostname"]
            self.assertEqual(write["registry"]["key"], "sysctl\\kernel")
            self.assertEqual(write["registry"]["data"]["strings"], [os.uname().nodename])

        # Numbers without a gap, but for those of details, which are part of their process's document.
        summary = agent.summary()
        self.assertEqual(summary["lost"], 0)
        sequences = [event["event"]["sequence"] for event in events]
        self.assertEqual(sequences, sorted(sequences))
        self.assertEqual(summary["delivered"] + summary["joined"], sequences[-1] - sequences[0] + 1)


if __name__ == "__main__":
    unittest.main()
