"""How the test files are shared out among runs that go side by side."""

import subprocess
from pathlib import Path

from tools.check.lanes import SECONDS, files, in_lanes, lanes, seconds
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


def test_a_file_that_cannot_be_imported_fails_its_lane_and_keeps_no_other_from_running(tmp_path: Path) -> None:
    (tmp_path / "test_broken.py").write_text("import nowhere\n")
    (tmp_path / "test_whole.py").write_text("def test_runs() -> None:\n    pass\n")
    pytest = [part for part in lanes()[0].command if not part.startswith("tests/")]

    run = subprocess.run(
        [*pytest, "-p", "no:django", "-c", "/dev/null", "."], cwd=tmp_path, capture_output=True, text=True
    )

    assert run.returncode != 0
    assert "1 passed, 1 error" in run.stdout
