#!/usr/bin/env python3
"""Holds the sources to the rooms and arrows of docs/architecture.md.

  rooms.py [<project folder>]

The rules are the table under the page's heading "Rooms", and nothing else: a row is a room (one or several folders, or
single files), and its last column names its neighbours: rooms, or single files of one. A room's files may include those
of the same room, of its neighbours, and of what these may use; of a single file's room they get that file and no other.
Exit code: 0 all is as the page says, 1 something is not, 2 the page itself has no rules that could be followed.
"""

import dataclasses
import pathlib
import re
import sys

PAGE = "docs/architecture.md"
HOUSES = ("include", "ring", "driver", "agent")
SUFFIXES = (".c", ".cpp", ".h", ".hpp", ".S")

# Where the builds look for what is included: beside the file first.
ROOTS = ("", "include", "ring", "driver", "driver/host/nt")

_ROW = re.compile(r"^\| *(`[^|]*`) *\|([^|]*)\|([^|]*)\|$")
_NAME = re.compile(r"`([^`]+)`")
_INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


class Unreadable(Exception):
    """The page has no rules that could be followed."""


@dataclasses.dataclass
class Room:
    places: list  # folders and files, as the page writes them
    uses: list  # rooms' places, or files in them
    to_come: bool  # no file of it is there yet

    @property
    def name(self):
        return self.places[0]


def read_rooms(page):
    """The rooms of the page's table."""
    section = re.search(r"^## Rooms\n(.*?)(?=^## |\Z)", page, re.M | re.S)
    rooms = []
    for line in (section.group(1) if section else "").splitlines():
        if row := _ROW.match(line):
            places = [place.rstrip("/") for place in _NAME.findall(row.group(1))]
            uses = [place.rstrip("/") for place in _NAME.findall(row.group(3))]
            if not uses and row.group(3).strip() != "nothing":
                raise Unreadable(f"{PAGE}: {places[0]} may use what? `…`, or nothing")
            rooms.append(Room(places, uses, "(to come)" in row.group(2)))
    if not rooms:
        raise Unreadable(f'{PAGE} has no table of rooms under "## Rooms"')
    places = [place for room in rooms for place in room.places]
    if twice := {place for place in places if places.count(place) > 1}:
        raise Unreadable(f"{PAGE} has {', '.join(sorted(twice))} in several rows")
    return rooms


class House:
    def __init__(self, root):
        self.root = root
        self.rooms = read_rooms((root / PAGE).read_text())
        self.by_place = {place: room for room in self.rooms for place in room.places}
        self.files = sorted(path.relative_to(root) for house in HOUSES for path in (root / house).rglob("*")
                            if path.suffix in SUFFIXES)

    def room_of(self, file):
        """A file's own row, or its folder's; no other folder's."""
        return self.by_place.get(file.as_posix()) or self.by_place.get(file.parent.as_posix())

    def neighbour(self, use):
        """The room that a name in the last column stands in."""
        return self.by_place.get(use) or self.by_place.get(pathlib.PurePosixPath(use).parent.as_posix())

    def usable(self, room, seen=()):
        """Folders and files that the room's files may include: its own, its neighbours', and what these may use."""
        if room.name in seen:
            raise Unreadable(f"{PAGE}: the arrows run in a circle: {' → '.join([*seen, room.name])}")
        found = set(room.places)
        for use in room.uses:
            neighbour = self.neighbour(use)
            if neighbour is None:
                raise Unreadable(f"{PAGE}: {room.name} may use {use}, which is in no room")
            # One file of a room is that file, and nothing that it stands on.
            found |= self.usable(neighbour, (*seen, room.name)) if use in neighbour.places else {use}
        return found

    def included(self, file):
        """(as it is written, the project's file that it is) for each include that is one."""
        text = (self.root / file).read_text()
        for quote, name in _INCLUDE.findall(text):
            beside = [file.parent.as_posix()] if quote == '"' else []
            for folder in (*beside, *ROOTS):
                target = pathlib.PurePosixPath(folder, name)
                if target.parts[0] in HOUSES and (self.root / target).is_file():
                    yield name, pathlib.Path(*target.parts)
                    break
            else:
                if quote == '"':
                    yield name, None

    def faults(self):
        usable = {room.name: self.usable(room) for room in self.rooms}
        for room in self.rooms:
            yield from self._faults_of_room(room)
        for file in self.files:
            room = self.room_of(file)
            if room is None:
                yield f"{file} is in no room: move it, or give {file.parent} a row in {PAGE}"
                continue
            for name, target in self.included(file):
                if target is None:
                    yield f"{file} includes {name}, which is nowhere"
                elif not self.may_include(usable[room.name], target.as_posix(), target.parent.as_posix()):
                    yield f"{file} includes {target}: {PAGE} draws no arrow from {room.name} to there"

    def may_include(self, usable, target, folder):
        """A file with a row of its own is not part of its folder's room."""
        return target in usable or (folder in usable and target not in self.by_place)

    def _faults_of_room(self, room):
        for place in room.places:
            if room.to_come:
                if (self.root / place).exists():
                    yield f"{place} is there, and {PAGE} says that it is to come"
            elif pathlib.PurePosixPath(place).suffix:
                if not (self.root / place).is_file():
                    yield f"{place} is a row in {PAGE}, and no file"
            else:
                inside = [file for file in self.files if file.parent.as_posix() == place]
                if len(inside) < 2:
                    yield f"{place} is a room with {len(inside)} files: move them to where they belong"


def main(arguments):
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).resolve().parents[2])
    try:
        faults = list(House(root).faults())
    except Unreadable as unreadable:
        print(unreadable, file=sys.stderr)
        return 2
    print(*faults, sep="\n", file=sys.stderr, end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
