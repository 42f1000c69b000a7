"""How the test files are shared out among runs that go side by side."""

from tools.check.lanes import SECONDS, files, in_lanes, seconds
from tools.local import ROOT


def test_every_test_file_is_in_one_lane() -> None:
    lanes = in_lanes(files(), 2)
    assert sorted(path for lane in lanes for path in lane) == files()
    assert "tests/local/test_lanes.py" in files()


def test_lanes_take_about_as_long() -> None:
    lanes = [sum(map(seconds, lane)) for lane in in_lanes(files(), 2)]
    assert max(lanes) - min(lanes) <= max(SECONDS.values()) / 10


def test_what_is_slow_comes_after_what_is_quick_and_what_breaks_something_last() -> None:
    slow = "tests/agents/test_lines.py"
    [lane] = in_lanes(["tests/workers/test_b.py", "tests/faults/test_a.py", slow, "tests/agents/test_z.py"], 1)
    assert lane == ["tests/agents/test_z.py", "tests/workers/test_b.py", slow, "tests/faults/test_a.py"]


def test_no_lane_is_empty() -> None:
    assert in_lanes(["tests/a/test_a.py"], 3) == [["tests/a/test_a.py"]]


def test_slow_files_are_there() -> None:
    assert [path for path in SECONDS if not (ROOT / path).exists()] == []
