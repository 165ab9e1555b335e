"""Each exit code of the agent, from the situation that a user would be in."""

import os
import shutil
import subprocess
import tempfile
import unittest

import sensor


def run(*arguments, **options):
    return subprocess.run([str(argument) for argument in arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=sensor.PATIENCE, check=False, **options)


class ExitCodes(unittest.TestCase):
    def test_finished(self):
        result = run(sensor.AGENT, "--source", "synthetic:1000", "--count", "10")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(result.stdout.splitlines()), 10)

    def test_help_and_version(self):
        for option in ("--help", "--version"):
            result = run(sensor.AGENT, option)
            self.assertEqual(result.returncode, 0)
            self.assertEqual(result.stderr, "")
            self.assertIn("aegis-agent", result.stdout)

    def test_usage(self):
        for wrong in (["--nonsense"], ["--output", "xml"], ["--count", "0"], ["--wakeup-batch", "x"], ["surplus"],
                      ["--device", "x", "--source", "auto"]):
            result = run(sensor.AGENT, *wrong)
            self.assertEqual(result.returncode, 2, wrong)
            self.assertEqual(result.stdout, "")
            self.assertIn("--help", result.stderr)

    def test_a_wrong_source_is_a_usage_error_too(self):
        result = run(sensor.AGENT, "--source", "nonsense")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("nonsense", result.stderr)

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "w") as full:
            result = subprocess.run([sensor.AGENT, "--source", "synthetic:1000"], stdout=full, stderr=subprocess.PIPE,
                                    text=True, timeout=sensor.PATIENCE, check=False)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("No space left on device", result.stderr)

    def test_a_closed_pipe_ends_quietly(self):
        agent = subprocess.Popen([sensor.AGENT, "--source", "synthetic:1000", "--quiet"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        agent.stdout.readline()
        agent.stdout.close()
        self.assertEqual(agent.wait(sensor.PATIENCE), 0)
        self.assertEqual(agent.stderr.read(), "")
        agent.stderr.close()

    def test_no_driver(self):
        result = run(sensor.AGENT, "--device", "/nonexistent/device")
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn("/nonexistent/device", result.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become another user")
    def test_another_user_is_refused(self):
        with tempfile.TemporaryDirectory(prefix="aegis-test-") as folder, sensor.Host("synthetic:100") as host:
            # The build tree may be closed to other users.
            os.chmod(folder, 0o755)
            agent = shutil.copy(sensor.AGENT, folder)
            os.chmod(agent, 0o755)
            result = run(agent, "--device", host.socket, user=65534, group=65534)
            self.assertEqual(result.returncode, 3, result.stderr)
            self.assertIn("access denied", result.stderr)
            self.assertIn("run the agent as", result.stderr)
            self.assertEqual(result.stdout, "")

    @unittest.skipUnless(os.geteuid() == 0, "needs root to enter a network namespace of its own")
    def test_a_source_that_cannot_work_names_the_remedy(self):
        with tempfile.TemporaryDirectory() as folder:
            for command in ([sensor.HOST, "--socket", folder + "/device"], [sensor.AGENT]):
                result = run("unshare", "--net", *command, "--source", "connector")
                self.assertEqual(result.returncode, 3, result.stderr)
                self.assertIn("network namespace", result.stderr)
                self.assertIn("use --source procfs", result.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to enter a network namespace of its own")
    def test_without_the_connector_the_default_scans_and_says_so(self):
        result = run("unshare", "--net", sensor.AGENT, "--duration", "0.5")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("misses processes", result.stderr)

    def test_fail_on_loss(self):
        # The smallest ring under a flood that no agent can follow for long.
        result = run(sensor.AGENT, "--source", "synthetic:max,count=2000000", "--ring-kib", "64", "--fail-on-loss",
                     "--duration", "3", "--output", "ndjson", "--quiet")
        self.assertEqual(result.returncode, 5, result.stderr)


if __name__ == "__main__":
    unittest.main()
