"""What must not be in a driver and no longer shows in its linked image: initializers that nobody would run, and stack
probes that would touch pages a kernel stack does not have.

Usage: driver_objects_test.py <nm> <objdump> <object files…>
"""

import re
import subprocess
import sys
import unittest

nm, objdump = sys.argv[1:3]
objects = sys.argv[3:]


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class DriverObjects(unittest.TestCase):
    # Catches: a global whose constructor runs at start-up; a driver has no start-up code, so it would stay zero.
    def test_nothing_is_initialized_at_start_up(self):
        for path in objects:
            sections = re.findall(r"^\s*\d+\s+(\S+)", output_of(objdump, "-h", path), re.MULTILINE)
            self.assertIn(".text", sections)
            for section in sections:
                self.assertFalse(section.startswith((".ctors", ".dtors", ".CRT", ".tls", ".init_array")),
                                 f"{path}: {section}")

    # Catches: a stack frame of a page or more, calls to a C++ runtime, guards of function-local statics.
    def test_nothing_needs_a_runtime(self):
        for path in objects:
            undefined = output_of(nm, "--undefined-only", "--format=just-symbols", path).split()
            for symbol in undefined:
                self.assertNotRegex(symbol, r"chkstk|__cxa|__gxx|_Unwind|^_Zn[wa]|^_Zd[la]|emutls|__main|^atexit",
                                    path)

    # Catches: a compile without -fstack-protector-strong. These functions hold what comes from outside on their stack: a
    # path, a registry value, a security descriptor, a request.
    def test_stack_buffers_are_guarded(self):
        guarded = [path for path in objects
                   if "__stack_chk_fail" in output_of(nm, "--undefined-only", "--format=just-symbols", path).split()]
        for source in ("device_security", "ioctl", "process_sensor", "service_parameters"):
            self.assertTrue(any(source in path for path in guarded), source)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
