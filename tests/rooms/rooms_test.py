#!/usr/bin/env python3
"""The project keeps to its rooms; and a project that does not is told so: changes a copy of it, one rule at a time."""

import pathlib
import shutil
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True  # keeps the source folder clean

import rooms  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]


def faults_of(root):
    return list(rooms.House(root).faults())


class ThisProject(unittest.TestCase):
    def test_keeps_to_its_rooms(self):
        self.assertEqual(faults_of(ROOT), [])

    # Catches: files that are not looked at, and includes that are not understood.
    def test_is_seen(self):
        house = rooms.House(ROOT)
        arrows = {(house.room_of(file).name, house.room_of(target).name)
                  for file in house.files for _, target in house.included(file)}
        for arrow in (("driver/channel", "driver/diagnostics"), ("driver/control", "driver/sensors"),
                      ("driver/nt", "driver/host/nt"), ("driver/channel", "ring/aegis/ring"),
                      ("ring/aegis/ring", "include/aegis"), ("driver/host/server", "driver/host/sources"),
                      ("driver/driver_entry.cpp", "driver/control")):
            self.assertIn(arrow, arrows)


class AChangedProject(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)
        for house in rooms.HOUSES:
            shutil.copytree(ROOT / house, self.root / house)
        self.page = self.root / rooms.PAGE
        self.page.parent.mkdir()
        shutil.copy(ROOT / rooms.PAGE, self.page)

    def write(self, file, text):
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def include(self, file, what):
        path = self.root / file
        path.write_text(f"#include {what}\n{path.read_text()}")

    def expect(self, *starts):
        faults = faults_of(self.root)
        self.assertEqual(len(faults), len(starts), faults)
        for fault, start in zip(sorted(faults), sorted(starts)):
            self.assertTrue(fault.startswith(start), fault)

    def unreadable(self, start):
        with self.assertRaises(rooms.Unreadable) as raised:
            faults_of(self.root)
        self.assertIn(start, str(raised.exception))

    def test_is_all_right_unchanged(self):
        self.expect()

    def test_has_no_arrow_that_runs_back(self):
        wrong = (("driver/channel/ring_channel.hpp", "consumers/handle_table.hpp"),
                 ("driver/consumers/owner_exit.hpp", "sensors/sensor.hpp"),
                 ("driver/nt/pool.hpp", "channel/ring_channel.hpp"),
                 ("ring/aegis/ring/producer.hpp", "driver/nt/pool.hpp"),
                 ("include/aegis/event.h", "aegis/ring/producer.hpp"),
                 ("driver/host/executive/executive.hpp", "driver/channel/ring_channel.hpp"),
                 ("driver/host/sources/record_queue.hpp", "driver/host/server/server.hpp"),
                 ("driver/control/ioctl.cpp", "agent/events/decode.hpp"),
                 ("agent/events/decode.hpp", "agent/format/formatter.hpp"),
                 ("agent/client/stream.hpp", "agent/app/log.hpp"),
                 ("agent/client/sequence.hpp", "agent/config/exit_code.hpp"),
                 ("agent/app/session.hpp", "agent/client/channel.hpp"),
                 ("agent/app/printer.hpp", "aegis/ring/consumer.hpp"),
                 ("agent/outputs/output.hpp", "agent/app/printer.hpp"),
                 ("agent/format/formatter.hpp", "agent/port/port.hpp"),
                 ("agent/config/options.hpp", "agent/app/session.hpp"),
                 ("agent/port/win32/dos_devices.hpp", "agent/client/win32/driver_device.hpp"))
        for file, what in wrong:
            self.include(file, f'"{what}"')
        self.expect(*(f"{file} includes " for file, _ in wrong))

    def test_names_no_sensor_outside_of_their_room(self):
        self.include("driver/driver_entry.cpp", '"sensors/process_sensor.hpp"')
        self.include("driver/control/ioctl.cpp", '"sensors/sensor.hpp"')
        self.expect("driver/driver_entry.cpp includes driver/sensors/process_sensor.hpp: docs/architecture.md draws no "
                    "arrow", "driver/control/ioctl.cpp includes driver/sensors/sensor.hpp")

    # They are included by their bare names, as if they were the system's.
    def test_sees_nts_declarations_as_a_room(self):
        self.page.write_text(self.page.read_text().replace("| `driver/host/nt` |\n| `driver/windows`",
                                                           "| nothing |\n| `driver/windows`"))
        self.assertIn("driver/nt/nt.hpp includes driver/host/nt/ntifs.h: docs/architecture.md draws no arrow from "
                      "driver/nt to there", faults_of(self.root))

    def test_looks_at_includes_however_they_are_written(self):
        lines = {"publish_gate.hpp": '#include "sensors/sensor.hpp"',
                 "ring_channel.cpp": '  #  include   "sensors/sensor.hpp"  // why',
                 "session_id.cpp": "#include <sensors/sensor.hpp>",
                 "session_id.hpp": '#include "../sensors/sensor.hpp"',
                 "wake_target.hpp": '#include "driver/sensors/sensor.hpp"'}
        for name, line in lines.items():
            file = self.root / "driver/channel" / name
            file.write_text(f"{file.read_text()}{line}\n")
        self.expect(*(f"driver/channel/{name} includes " for name in lines))

    def test_includes_nothing_that_is_not_there(self):
        self.include("driver/channel/session_id.cpp", '"channel/session.hpp"')
        self.expect("driver/channel/session_id.cpp includes channel/session.hpp, which is nowhere")

    def test_has_no_file_without_a_room(self):
        self.write("driver/notes.hpp", "")
        self.write("agent/more.cpp", "")
        self.write("driver/telemetry/one.hpp", "")
        self.write("driver/telemetry/two.hpp", "")
        self.expect("driver/notes.hpp is in no room", "agent/more.cpp is in no room",
                    "driver/telemetry/one.hpp is in no room", "driver/telemetry/two.hpp is in no room")

    def test_has_no_room_with_one_file(self):
        for file in (self.root / "driver/test").iterdir():
            if file.name != "test_ioctl.h":
                file.unlink()
        self.expect("driver/test is a room with 1 files")
        (self.root / "driver/test/test_ioctl.h").unlink()
        self.expect("driver/test is a room with 0 files")

    def test_has_each_file_that_has_a_row(self):
        (self.root / "driver/driver_entry.cpp").rename(self.root / "driver/entry.cpp")
        self.expect("driver/driver_entry.cpp is a row in", "driver/entry.cpp is in no room")

    def test_does_not_call_to_come_what_is_there(self):
        self.page.write_text(self.page.read_text().replace("| `driver/channel` | ", "| `driver/channel` | (to come) "))
        self.expect("driver/channel is there, and docs/architecture.md says that it is to come")

    def test_has_rules_without_a_circle(self):
        self.page.write_text(self.page.read_text().replace("| `driver/diagnostics`, `ring/aegis/ring` |",
                                                           "| `driver/diagnostics`, `driver/consumers` |"))
        self.unreadable("the arrows run in a circle: ")

    def test_has_rules_that_can_be_followed(self):
        whole = self.page.read_text()
        for old, new, message in (("## Rooms", "## Folders", 'has no table of rooms under "## Rooms"'),
                                  ("| `driver/diagnostics`, `ring/aegis/ring` |", "| `driver/mt` |", "may use driver/mt, which"),
                                  ("| `driver/diagnostics`, `ring/aegis/ring` |", "| anything |", "may use what?"),
                                  ("| `driver/test` |", "| `driver/channel` |", "in several rows")):
            with self.subTest(message=message):
                self.assertIn(old, whole)
                self.page.write_text(whole.replace(old, new))
                self.unreadable(message)


if __name__ == "__main__":
    unittest.main()
