"""A policy from a file to what the driver does, and what is said of a file that is wrong."""

import errno
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

import sensor

USAGE = 2
RUNTIME_FAILURE = 1


class Folder:
    """A folder of one test, where programs may run."""

    def __init__(self):
        self._own = tempfile.TemporaryDirectory(prefix="aegis-test-")
        self.path = Path(os.path.realpath(self._own.name))
        os.chmod(self.path, 0o755)

    def file(self, name, text):
        path = self.path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def program(self, name):
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        shutil.copy(os.path.realpath("/bin/true"), path)
        return str(path)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self._own.cleanup()


def policy_line(messages):
    """The numbers of the last line about the policy, by name."""
    lines = re.findall(r"policy: (generation=.*)$", messages, re.MULTILINE)
    assert lines, f"no line about the policy in: {messages}"
    return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", lines[-1])}


class Protection(unittest.TestCase):
    def test_an_agent_protects_itself(self):
        """Catches: an option that does nothing, or whose failure is passed over."""
        with sensor.Host("synthetic:50") as host:
            agent = sensor.Agent("--protect", "--count", "1", device=host.socket)
            self.assertEqual(agent.finish(), 0, agent.messages())
            self.assertIn("this agent is protected", agent.messages())

    def test_rights_and_programs_are_named_in_the_file(self):
        """Catches: masks, processes or programs that do not reach the driver; a fault that is not named."""
        with Folder() as folder, sensor.Host("synthetic:500,types=process+handle") as host:
            policy = folder.file("policy.toml", "allow-images = ['/usr/bin/gdb']\n[handles]\n"
                                 "process-access = ['set-quota']\nthread-access = ['resume']\n"
                                 "protect = [{pid = 1, key = '1'}]\n")
            agent = sensor.Agent("--policy", policy, "--from", "now", "--count", "20", device=host.socket)
            self.assertEqual(agent.finish(), 0, agent.messages())
            opened = [line for line in agent.lines() if "-OPEN " in line]
            self.assertFalse([line for line in opened if "all-access" not in line], "of all rights set-quota is one")
            wrong = folder.file("wrong.toml", "[handles]\nprocess-access = ['fly']\n")
            agent, code = sensor.run_agent("--policy", wrong, device=host.socket)
            self.assertEqual(code, USAGE)
            self.assertIn("'fly' is no right of a process: all-access, terminate", agent.messages())


class PolicyFile(unittest.TestCase):
    def test_what_a_policy_drops_is_not_printed_and_is_counted(self):
        """Catches: a policy that is read and not set; numbers that are not the driver's."""
        with Folder() as folder, sensor.Host("synthetic:2000") as host:
            policy = folder.file("policy.toml", "[events.process-start]\ndefault = 'drop'\n")
            agent = sensor.Agent("--policy", policy, "--from", "now", "--stats", device=host.socket)
            sensor.wait_until(lambda: "policy: generation=1" in agent.messages(), "a line about the policy")
            sensor.wait_until(lambda: any(" EXIT " in line for line in agent.lines()), "an exit")
            self.assertEqual(agent.finish(signal.SIGINT), 0, agent.messages())
            self.assertIn("policy 1 is in force, digest ", agent.messages())
            self.assertGreater(policy_line(agent.messages())["filtered"], 0)
            lines = agent.lines()
            first = next(i for i, line in enumerate(lines) if " EXIT " in line)
            # Starts of before the policy may lie in front.
            self.assertEqual([line for line in lines[first + 50:] if " CREATE " in line], [])

    def test_a_limit_tells_what_it_left_out(self):
        with Folder() as folder, sensor.Host("synthetic:2000") as host:
            policy = folder.file("policy.toml", "[events.process-start]\nlimit = 10\n")
            agent = sensor.Agent("--policy", policy, device=host.socket)
            sensor.wait_until(lambda: any(" SUPPRESSED " in line for line in agent.lines()), "a count of what was left out")
            self.assertEqual(agent.finish(signal.SIGINT), 0, agent.messages())
            self.assertGreater(policy_line(agent.messages())["limited"], 0)

    def test_every_fault_of_a_file_is_named_with_its_place(self):
        """Catches: a host that is started, or a driver that is asked, for a file that is wrong."""
        with Folder() as folder:
            policy = folder.file("policy.toml", "[events.process-start]\ndefault = 'no'\n[[rule]]\npath = 'tmp'\n")
            agent, code = sensor.run_agent("--policy", policy, device="/nonexistent/device")
            self.assertEqual(code, USAGE, agent.messages())
            self.assertIn(f"{policy}:2:11: 'no' is no default: report, drop and off are", agent.messages())
            self.assertIn(f"{policy}:4:8: 'tmp' does not begin with a separator", agent.messages())
            self.assertIn("this rule has no 'action'", agent.messages())
            self.assertIn("correct these lines and start again", agent.messages())

    def test_a_file_that_cannot_be_read(self):
        for path, reason in (("/nonexistent/policy.toml", "No such file"), ("/", "directory")):
            agent, code = sensor.run_agent("--policy", path, device="/nonexistent/device")
            self.assertEqual(code, USAGE, agent.messages())
            self.assertIn(f"cannot read the policy {path}", agent.messages())
            self.assertIn(reason, agent.messages())

    def test_the_second_of_two_is_told_whose_policy_is_in_force(self):
        with Folder() as folder, sensor.Host("synthetic:10") as host:
            policy = folder.file("policy.toml", "[events.process-start]\ndefault = 'drop'\n")
            first = sensor.Agent("--policy", policy, device=host.socket)
            sensor.wait_until(lambda: "is in force" in first.messages(), "the policy")
            second, code = sensor.run_agent("--policy", policy, device=host.socket)
            self.assertEqual(code, RUNTIME_FAILURE, second.messages())
            self.assertIn(f"a policy of process {first.process.pid} is in force: end that process first", second.messages())
            third, code = sensor.run_agent("--duration", "0.1", device=host.socket)
            self.assertEqual(code, 0)
            self.assertIn("policy 1 of another program decides what is reported", third.messages())
            self.assertEqual(first.finish(signal.SIGINT), 0)
            fourth, code = sensor.run_agent("--policy", policy, "--duration", "0.1", device=host.socket)
            self.assertEqual(code, 0, fourth.messages())


def kernel_asks():
    """None when the kernel lets this process watch what is run; otherwise why not."""
    with Folder() as folder, sensor.Host("procfs") as host:
        policy = folder.file("policy.toml", f"[[rule]]\npath = '{folder.path}/x'\naction = 'refuse'\n")
        sensor.run_agent("--policy", policy, "--duration", "0.1", device=host.socket)
        found = re.search(r"this host cannot: (.*)$", host.messages(), re.MULTILINE)
        return found.group(1) if found else None


WHY_NOT = kernel_asks()


@unittest.skipIf(WHY_NOT, f"the kernel does not ask this process before an exec: {WHY_NOT}")
class Refusals(unittest.TestCase):
    SOURCE = "auto"

    def refusing(self, folder, host, *more):
        policy = folder.file("policy.toml", f"""
[[rule]]
path = '{folder.path}/no/**'
action = 'refuse'
[[rule]]
path = '{folder.path}/no/but'
action = 'report'
""")
        agent = sensor.Agent("--policy", policy, "--output", "ndjson", "--from", "now", *more, device=host.socket)
        sensor.wait_until(lambda: "is in force" in agent.messages(), "the policy")
        return agent

    def runs(self, program):
        try:
            subprocess.run([program], check=False, timeout=sensor.PATIENCE)
        except PermissionError as error:
            self.assertEqual(error.errno, errno.EPERM)
            return False
        return True

    def test_an_exec_that_is_refused_fails_and_its_event_says_so(self):
        """Catches: a program that runs though its event says refused; one that is refused without an event; a rule
        that refuses beside its folder, below an exception, or after its agent."""
        with Folder() as folder, sensor.Host(self.SOURCE) as host:
            refused = folder.program("no/program")
            beside = folder.program("not")
            exception = folder.program("no/but")
            self.assertTrue(self.runs(refused), "no policy yet")
            agent = self.refusing(folder, host)
            self.assertFalse(self.runs(refused))
            self.assertTrue(self.runs(beside))
            self.assertTrue(self.runs(exception))

            def about(program, action):
                return [event for event in agent.events() if event["event"].get("action") == action
                        and event.get("process", {}).get("executable") == program]

            sensor.wait_until(lambda: about(refused, "process-refused"), "the refusal's event")
            sensor.wait_until(lambda: about(exception, "process-start"), "the start of what may run")
            refusal = about(refused, "process-refused")[0]
            self.assertEqual(refusal["event"]["outcome"], "failure")
            self.assertEqual(refusal["process"]["parent"]["pid"], os.getpid())
            self.assertEqual(len(about(refused, "process-refused")), 1)
            self.assertEqual(about(refused, "process-end"), [])
            self.assertEqual(agent.finish(signal.SIGINT), 0, agent.messages())
            self.assertEqual(policy_line(agent.messages())["refused"], 1)
            self.assertTrue(self.runs(refused), "the policy ended with its agent")

    def test_a_process_whose_exec_was_refused_ends_as_it_began(self):
        """Catches: an end that is taken for that of what never ran."""
        with Folder() as folder, sensor.Host(self.SOURCE) as host:
            refused = folder.program("no/program")
            agent = self.refusing(folder, host)
            shell = subprocess.Popen(["/bin/sh", "-c", f"read start; {refused}; exec {refused} || read end"],
                                     stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)

            def actions():
                return [event["event"]["action"] for event in agent.events()
                        if event["event"]["action"].startswith("process-") and
                        event.get("process", {}).get("pid") == shell.pid]

            sensor.wait_until(lambda: "process-start" in actions(), "the shell's start")
            shell.communicate(b"go\nend\n", timeout=sensor.PATIENCE)
            sensor.wait_until(lambda: "process-end" in actions(), "the shell's end")
            self.assertEqual(actions(), ["process-start", "process-refused", "process-end"])
            self.assertEqual(agent.finish(signal.SIGINT), 0, agent.messages())

    def test_an_agent_that_is_killed_takes_its_policy_along(self):
        """Catches: a gate that waits for itself when its policy ends in the middle of a question."""
        with Folder() as folder, sensor.Host(self.SOURCE) as host:
            refused = folder.program("no/program")
            storm = subprocess.Popen(["/bin/sh", "-c", f"while :; do {refused}; done"], stderr=subprocess.DEVNULL)
            try:
                for _ in range(10):
                    agent = self.refusing(folder, host)
                    self.assertFalse(self.runs(refused))
                    agent.process.kill()
                    agent.finish()
                    sensor.wait_until(lambda: self.runs(refused), "the end of the policy")
            finally:
                storm.kill()
                storm.wait(sensor.PATIENCE)

    def test_a_host_that_is_killed_refuses_nothing_any_more(self):
        with Folder() as folder:
            refused = folder.program("no/program")
            host = sensor.Host(self.SOURCE)
            agent = self.refusing(folder, host)
            self.assertFalse(self.runs(refused))
            host.process.kill()
            host.process.wait(sensor.PATIENCE)
            self.assertTrue(self.runs(refused))
            agent.finish(signal.SIGINT)


if __name__ == "__main__":
    unittest.main()
