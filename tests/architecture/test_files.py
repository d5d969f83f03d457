"""What the tools we use ask of our files."""

from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_no_two_test_files_have_one_name() -> None:
    """The folders of tests are no packages: pytest would take the second for the first."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in TESTS.rglob("test_*.py"):
        places[path.name].append(str(path.parent.relative_to(TESTS)))
    assert not {name: folders for name, folders in places.items() if len(folders) > 1}
