"""The tests that mutants are tried against, as small programs: one per source file, so that the first failing one
ends a mutant's trial before the others are even compiled."""

import dataclasses
import pathlib


@dataclasses.dataclass(frozen=True)
class Suite:
    name: str
    source: pathlib.Path
    includes: tuple
    objects: tuple  # linked in; independent of the ring's headers
    filter: str

    @property
    def is_explorer(self):
        return self.name.startswith("explorer/")


# Tests that weaken the ring themselves, or do not use it.
_ONLY_CORRECT_RING = "-*Weakened*:*Negative*:Random.Finds*"


def find_suites(root, explorer_objects):
    """All suites, the quick ones first."""
    tests = root / "tests"
    shared = (root / "include", tests, root / "bench")
    suites = [
        Suite(f"ring/{source.stem.removesuffix('_test')}", source, shared, (), "*")
        for source in sorted((tests / "ring").glob("*_test.cpp"))
    ]
    suites += [
        Suite(f"explorer/{name}", tests / "model" / f"{name}_test.cpp", (*shared, tests / "model"),
              tuple(explorer_objects), _ONLY_CORRECT_RING)
        for name in ("broadcast", "group", "doorbell")
    ]
    return suites
