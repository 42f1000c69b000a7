"""What waits for the database: in order, within bounds, and found again after the process that held it has died."""

import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.product.stack import eventually
from tools.local import ROOT
from workers.history import spool
from workers.history.backlog import Backlog
from workers.history.spool import Item, Spool

PAGES = 16 * spool.PAGE_BYTES


def _items(first: int, last: int, kind: str = "turn", size: int = 20) -> list[Item]:
    return [Item(number, kind, f"{number}".ljust(size)) for number in range(first, last + 1)]


def _numbers(items: list[Item]) -> list[int]:
    return [item.number for item in items]


class TestSpool:
    def test_items_come_back_in_order_until_they_are_removed(self, tmp_path: Path) -> None:
        spooled = spool.create(tmp_path)
        spooled.append(_items(1, 3))
        spooled.append(_items(4, 5))

        assert spooled.first(2) == _items(1, 2)
        assert not spooled.remove(2)
        assert _numbers(spooled.first(10)) == [3, 4, 5]

    def test_the_last_item_takes_the_file_with_it(self, tmp_path: Path) -> None:
        spooled = spool.create(tmp_path)
        spooled.append(_items(1, 3))

        assert spooled.remove(3)
        assert list(tmp_path.iterdir()) == []

    def test_only_its_owner_may_read_it(self, tmp_path: Path) -> None:
        spooled = spool.create(tmp_path / "spool")

        assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
        assert spooled.path.stat().st_mode & 0o777 == 0o600

    def test_a_full_spool_drops_the_oldest_events_first_and_says_so(self, tmp_path: Path) -> None:
        spooled = spool.create(tmp_path, max_bytes=PAGES)
        spooled.append(_items(1, 1, "answered"))
        spooled.append(_items(2, 50, "event", size=500))
        spooled.append(_items(51, 70, "turn", size=500))
        with capture_logs() as logs:
            for number in range(71, 300):
                spooled.append(_items(number, number, "turn", size=500))

        kept = spooled.first(1000)
        kinds = [item.kind for item in kept]
        assert spooled.path.stat().st_size <= PAGES
        assert kept[0].kind == "answered"
        assert "event" not in kinds
        assert _numbers(kept)[1:] == list(range(kept[1].number, 300))  # the newest turns, without a gap
        assert sum(line["dropped_events"] for line in logs) == 49
        assert sum(line["dropped_turns"] for line in logs) == kept[1].number - 51
        assert {line["event"] for line in logs} == {"spool_full"}

    def test_a_living_process_keeps_its_spool_and_a_dead_ones_is_found(self, tmp_path: Path) -> None:
        holding = f"""
import sys
from pathlib import Path
from workers.history import spool
spooled = spool.create(Path({str(tmp_path)!r}))
spooled.append([spool.Item(1, "turn", "first"), spool.Item(2, "turn", "second")])
print("ready", flush=True)
sys.stdin.read()
"""
        with subprocess.Popen(
            [sys.executable, "-c", holding], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            assert spool.leftovers(tmp_path) == []

            process.send_signal(signal.SIGKILL)
            process.wait()
        [left] = spool.leftovers(tmp_path)
        assert left.first(10) == [Item(1, "turn", "first"), Item(2, "turn", "second")]
        assert spool.leftovers(tmp_path) == []  # it is ours now
        left.remove(2)
        assert list(tmp_path.iterdir()) == []

    def test_a_file_that_is_no_spool_is_named_and_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "odd.sqlite3").write_text("this is not a database, and long enough to have a header " * 4)
        spool.create(tmp_path).close()
        with capture_logs() as logs:
            found = spool.leftovers(tmp_path)

        assert len(found) == 1
        assert [line["event"] for line in logs] == ["spool_unreadable"]
        assert (tmp_path / "odd.sqlite3").exists()

    def test_no_directory_means_nothing_left(self, tmp_path: Path) -> None:
        assert spool.leftovers(tmp_path / "none") == []


class TestBacklog:
    def test_it_stays_in_memory_while_it_is_taken_away_soon(self, tmp_path: Path) -> None:
        backlog = Backlog(tmp_path)
        assert [backlog.put("turn", "a"), backlog.put("turn", "b")] == [1, 2]

        assert _numbers(backlog.first(10, wait=True)) == [1, 2]
        backlog.remove(2)
        assert backlog.first(10, wait=False) == []
        assert list(tmp_path.iterdir()) == []

    def test_what_waits_too_long_goes_to_disk_and_order_is_kept(self, tmp_path: Path) -> None:
        backlog = Backlog(tmp_path, spill_after_s=0.01)
        threading.Thread(target=backlog.spill_forever, daemon=True).start()
        for number in range(1, 11):
            backlog.put("turn", str(number))
        eventually(lambda: _on_disk(tmp_path) == 10, "entries on disk")

        backlog.remove(4)
        backlog.put("turn", "11")
        assert [item.line for item in backlog.first(3, wait=True)] == ["5", "6", "7"]
        backlog.remove(10)
        assert [item.line for item in backlog.first(3, wait=True)] == ["11"]
        backlog.remove(11)
        assert list(tmp_path.iterdir()) == []

    def test_what_is_too_much_for_memory_goes_to_disk_at_once(self, tmp_path: Path) -> None:
        backlog = Backlog(tmp_path, memory_max_bytes=1000, spill_after_s=3600)
        threading.Thread(target=backlog.spill_forever, daemon=True).start()
        for _ in range(11):
            backlog.put("turn", "x" * 100)
        eventually(lambda: _on_disk(tmp_path), "entries on disk")

    def test_entries_that_are_being_written_while_they_go_to_disk_are_removed_there(self, tmp_path: Path) -> None:
        backlog = Backlog(tmp_path)
        backlog.put("turn", "a")
        batch = backlog.first(10, wait=True)
        backlog.put("turn", "b")
        assert backlog.spill()

        backlog.remove(batch[-1].number)
        assert [item.line for item in backlog.first(10, wait=True)] == ["b"]

    def test_without_a_disk_memory_keeps_the_newest_turns_and_every_change_of_state(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        backlog = Backlog(tmp_path / "file", memory_max_bytes=1000)
        backlog.put("answered", "x" * 100)
        for kind in ["event", "turn"] * 6:
            backlog.put(kind, "x" * 100)
        with capture_logs() as logs:
            assert not backlog.spill()

        kinds = [item.kind for item in backlog.first(100, wait=True)]
        assert kinds == ["answered", "turn", "turn", "turn", "event", "turn", "event", "turn", "event", "turn"]
        assert [line["event"] for line in logs] == ["spool_not_available", "spool_full"]
        assert (logs[1]["dropped_events"], logs[1]["dropped_turns"]) == (3, 0)

    def test_a_disk_that_takes_the_file_and_nothing_in_it_keeps_nothing_from_being_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(Spool, "append", full)
        backlog = Backlog(tmp_path)
        backlog.put("turn", "a")
        assert not backlog.spill()

        assert [item.line for item in backlog.first(10, wait=True)] == ["a"]
        backlog.remove(1)
        assert backlog.first(10, wait=False) == []
        assert list(tmp_path.iterdir()) == []

    def test_a_process_whose_disk_is_full_keeps_what_it_has_to_write_in_memory(self, tmp_path: Path) -> None:
        program = f"""
import resource
from pathlib import Path
from workers.history.backlog import Backlog
resource.setrlimit(resource.RLIMIT_FSIZE, (12288, resource.RLIM_INFINITY))  # three pages: an empty table
backlog = Backlog(Path({str(tmp_path)!r}))
for _ in range(100):
    backlog.put("turn", "x" * 500)
print(backlog.spill(), len(backlog.first(1000, wait=True)))
"""
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "False 100"
        assert "spool_not_available" in done.stdout + done.stderr
        assert list(tmp_path.iterdir()) == []

    def test_a_disk_that_does_not_even_take_the_file_is_left_as_it_was(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(Spool, "__init__", full)
        backlog = Backlog(tmp_path)
        backlog.put("turn", "a")
        assert not backlog.spill()
        assert list(tmp_path.iterdir()) == []

    def test_a_spool_that_cannot_be_read_is_left_and_the_rest_continues(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        backlog = Backlog(tmp_path)
        backlog.put("turn", "a")
        assert backlog.spill()
        backlog.put("turn", "b")

        def fail(*_: object) -> list[Item]:
            raise sqlite3.OperationalError("disk I/O error")

        with monkeypatch.context() as broken:
            broken.setattr(Spool, "first", fail)
            assert [item.line for item in backlog.first(10, wait=True)] == ["b"]
        [left] = spool.leftovers(tmp_path)
        assert [item.line for item in left.first(10)] == ["a"]


def _on_disk(directory: Path) -> int:
    """How many entries are there, read as a backup would, past the lock."""
    files = list(directory.glob("*.sqlite3"))
    if not files:
        return 0
    with sqlite3.connect(f"file:{files[0]}?immutable=1", uri=True) as database:
        try:
            return int(database.execute("SELECT count(*) FROM entry").fetchone()[0])
        except sqlite3.DatabaseError:
            return 0
