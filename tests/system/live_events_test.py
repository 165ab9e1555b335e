"""Real processes of this machine, from the kernel to a printed line."""

import glob
import os
import pwd
import signal
import subprocess
import sys
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

    def events_of_a_script(self, agent, script):
        """All events of one process that ran it, from its start on; it is begun again until the agent has seen one whole."""
        def agent_sees_the_end():
            child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL)
            child.wait(sensor.PATIENCE)
            pids.append(child.pid)
            # A process that began before the agent did is none of this test's.
            seen = [[f'"action":"{action}"' in line and f'"process":{{"pid":{pid},' in line for line in agent.lines()]
                    for pid in pids for action in ("process-start", "process-end")]
            return any(any(starts) and any(ends) for starts, ends in zip(seen[::2], seen[1::2]))

        pids = []
        sensor.wait_until(agent_sees_the_end, "the end of a process that ran: " + script)
        self.assertEqual(agent.finish(signal.SIGINT), 0, agent.messages())
        if "are not seen" in agent.messages():
            self.skipTest(agent.messages())
        events = agent.events()
        began = [event["process"]["pid"] for event in events if event["event"]["action"] == "process-start"]
        pid = next(event["process"]["pid"] for event in events
                   if event["event"]["action"] == "process-end" and event["process"]["pid"] in pids
                   and event["process"]["pid"] in began)
        return pid, [event for event in events if event["process"]["pid"] == pid]

    def test_threads_come_with_their_process_and_their_maker(self):
        """Catches: a first thread before its process's start; a thread without its maker, or its process's name; a live
        source without threads by default."""
        agent = sensor.Agent("--output", "ndjson", "--source", "connector", "--fail-on-loss")
        script = "import threading; t = threading.Thread(target=print); t.start(); t.join()"
        ended, ours = self.events_of_a_script(agent, script)
        actions = [event["event"]["action"] for event in ours]
        self.assertEqual(actions[:3], ["process-start", "thread-start", "image-load"])
        self.assertEqual(actions[-1], "process-end")
        first, second = [event for event in ours if event["event"]["action"] == "thread-start"]
        self.assertEqual(first["process"]["thread"]["id"], ended)
        self.assertTrue(first["aegis"]["thread"]["first"])
        self.assertEqual(first["aegis"]["thread"]["creator_pid"], os.getpid())
        self.assertEqual(second["aegis"]["thread"]["creator_tid"], ended)
        self.assertNotIn("remote", second["aegis"]["thread"])
        self.assertEqual(second["process"]["executable"], os.path.realpath(sys.executable))
        ends = [event["process"]["thread"]["id"] for event in ours if event["event"]["action"] == "thread-end"]
        self.assertCountEqual(ends, [ended, second["process"]["thread"]["id"]])

    def test_a_process_is_told_whole(self):
        """Catches: a command line, an owner, a parent or an exit status left out, or another process's; a document whose
        details got lost; an entity id that is not the same in all events of a process."""
        agent = sensor.Agent("--output", "ndjson", "--source", "connector", "--fail-on-loss")
        script = "import subprocess; subprocess.run(['/bin/sh', '-c', 'exit 7', 'two words', 'quo\"te'])"
        pid, ours = self.events_of_a_script(agent, script)
        start, end = ours[0], ours[-1]
        own_id = start["process"]["entity_id"]
        self.assertEqual(start["process"]["args"], [sys.executable, "-c", script])
        self.assertEqual(start["user"]["id"], str(os.geteuid()))
        self.assertEqual(start["user"]["name"], pwd.getpwuid(os.geteuid()).pw_name)
        self.assertEqual(start["aegis"]["process"]["session_id"], os.getsid(0))
        self.assertLessEqual(start["process"]["start"], start["@timestamp"])
        self.assertEqual({event["process"]["entity_id"] for event in ours}, {own_id})
        self.assertFalse([event for event in agent.events() if "details_lost" in event["aegis"].get("process", {})])
        shell = next(event for event in agent.events()
                     if event["event"]["action"] == "process-end" and event["process"].get("parent", {}).get("pid") == pid)
        self.assertEqual(shell["process"]["args"], ["/bin/sh", "-c", "exit 7", "two words", 'quo"te'])
        self.assertEqual(shell["process"]["exit_code"], 7)
        self.assertEqual(shell["process"]["parent"]["entity_id"], own_id)
        self.assertEqual(shell["process"]["parent"]["executable"], os.path.realpath(sys.executable))
        self.assertEqual(shell["user"], start["user"])
        self.assertNotEqual(shell["process"]["entity_id"], own_id)
        self.assertGreater(shell["event"]["duration"], 0)
        self.assertEqual(end["process"]["exit_code"], 0)
        self.assertEqual(end["process"]["args"], start["process"]["args"])
        self.assertGreaterEqual(end["event"]["duration"], shell["event"]["duration"])

    def test_images_come_with_their_process(self):
        """Catches: a program without its own image; a library that is loaded later left out, or without its path."""
        library = glob.glob("/usr/lib/*/libm.so.6")
        if not library:
            self.skipTest("no library to load")
        agent = sensor.Agent("--output", "ndjson", "--source", "connector", "--fail-on-loss")
        script = f"import ctypes; ctypes.CDLL('{library[0]}')"
        pid, ours = self.events_of_a_script(agent, script)
        images = [event for event in ours if event["event"]["action"] == "image-load"]
        self.assertEqual(ours[-1]["event"]["action"], "process-end")
        paths = [image["dll"]["path"] for image in images]
        self.assertIn(os.path.realpath(sys.executable), paths)
        self.assertIn(os.path.realpath(library[0]), paths)
        for image in images:
            self.assertEqual(image["event"]["category"], ["library"])
            self.assertEqual(image["dll"]["name"], os.path.basename(image["dll"]["path"]))
            self.assertEqual(image["process"]["executable"], os.path.realpath(sys.executable))
            self.assertEqual(image["aegis"]["image"]["loader_pid"], pid)
            self.assertGreater(int(image["aegis"]["image"]["base"], 16), 0)

    def test_handles_say_who_gets_at_whom(self):
        """Catches: a call that is not seen; another caller or target; rights of another call; a look at whether a process is
        there that is told as its end."""
        agent = sensor.Agent("--output", "ndjson", "--source", "connector", "--fail-on-loss")
        script = """if True:
            import ctypes, os, signal, subprocess
            libc = ctypes.CDLL(None, use_errno=True)
            child = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE)
            class Piece(ctypes.Structure):
                _fields_ = [("base", ctypes.c_void_p), ("bytes", ctypes.c_size_t)]
            with open(f"/proc/{child.pid}/maps") as maps:
                there = Piece(int(maps.readline().split("-")[0], 16), 8)
            room = ctypes.create_string_buffer(8)
            here = Piece(ctypes.addressof(room), 8)
            libc.process_vm_readv(child.pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
            PTRACE_SEIZE = 0x4206
            libc.ptrace(PTRACE_SEIZE, child.pid, None, None)
            os.kill(child.pid, 0)
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
        """
        pid, ours = self.events_of_a_script(agent, script)
        opened = [event for event in ours if event["event"]["action"] == "process-open"
                  and event["Target"]["process"]["pid"] != pid]
        target = opened[0]["Target"]["process"]
        rights = [event["aegis"]["handle"]["requested"]["rights"] for event in opened
                  if event["Target"]["process"]["pid"] == target["pid"]]
        self.assertEqual(rights, [["vm-read"], ["terminate", "vm-operation", "vm-read", "vm-write", "suspend-resume"],
                                  ["terminate"]])
        self.assertEqual(target["executable"], os.path.realpath("/bin/cat"))
        self.assertEqual(target["parent"]["pid"], pid)
        for event in opened:
            self.assertEqual(event["process"]["executable"], os.path.realpath(sys.executable))
            self.assertEqual(event["process"]["thread"]["id"], pid)
            self.assertNotIn("granted", event["aegis"]["handle"])

    def test_a_write_to_a_sysctl_is_a_change_of_the_registry(self):
        """Catches: another process's number, thread, name or value; a read that is told; a write before its process."""
        agent = sensor.Agent("--output", "ndjson", "--source", "connector", "--fail-on-loss")
        name = "/proc/sys/kernel/core_pattern"
        with open(name, encoding="utf-8") as file:
            before = file.read()
        # What is there already, so that nothing changes.
        script = f"value = open('{name}').read(); open('{name}', 'w').write(value)"
        pid, ours = self.events_of_a_script(agent, script)
        changes = [event for event in ours if event["event"]["action"].startswith("registry-")]
        self.assertEqual(len(changes), 1)
        change = changes[0]
        self.assertEqual(change["event"]["category"], ["registry"])
        self.assertEqual(change["event"]["type"], ["change"])
        self.assertEqual(change["registry"]["path"], "LINUX\\sysctl\\kernel\\core_pattern")
        self.assertEqual(change["registry"]["key"], "sysctl\\kernel")
        self.assertEqual(change["registry"]["value"], "core_pattern")
        self.assertEqual(change["registry"]["data"], {"type": "REG_SZ", "strings": [before.rstrip("\n")]})
        self.assertEqual(change["process"]["thread"]["id"], pid)
        self.assertEqual(change["process"]["executable"], os.path.realpath(sys.executable))

    def test_all_but_processes_can_be_left_out(self):
        agent = sensor.Agent("--source", "connector,types=process", "--count", "10")
        while agent.process.poll() is None:
            subprocess.run(["/bin/true"], check=True)
        self.assertEqual(agent.finish(), 0)
        self.assertFalse([line for line in agent.lines() if " THREAD-" in line or " IMAGE-" in line or "-OPEN " in line])

    def test_sequences_have_no_gap_and_ids_are_unique(self):
        agent = sensor.Agent("--output", "ndjson", "--source", "connector", "--count", "40")
        while agent.process.poll() is None:
            subprocess.run(["/bin/true"], check=True)
        self.assertEqual(agent.finish(), 0)
        events = agent.events()
        # The numbers between are those of details, which became a part of the documents behind them.
        sequences = [event["event"]["sequence"] for event in events]
        self.assertEqual(sequences, sorted(set(sequences)))
        self.assertEqual(sequences[-1], agent.summary()["delivered"] + agent.summary()["joined"])
        self.assertFalse([event for event in events if event["event"]["action"] == "events-lost"])
        self.assertEqual(len({event["event"]["id"] for event in events}), 40)


if __name__ == "__main__":
    unittest.main()
