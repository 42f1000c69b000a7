"""What processes and their descendants use, from /proc (man 5 proc)."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Stat:
    """One process. `cpu_s` is its own CPU time and that of the children it has waited for, in seconds."""

    pid: int
    parent: int
    cpu_s: float
    threads: int


def read_stat(pid: int, proc: Path = PROC) -> Stat | None:
    """The process's /proc/<pid>/stat; None when it is gone."""
    try:
        text = (proc / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rsplit(")", 1)[1].split()  # the name before it may hold spaces; fields[0] is the third of the manual
    ticks = sum(int(field) for field in fields[11:15])  # utime, stime, cutime, cstime
    return Stat(pid=pid, parent=int(fields[1]), cpu_s=ticks * TICK_S, threads=int(fields[17]))


def tree(roots: Iterable[int], proc: Path = PROC) -> list[Stat]:
    """The living processes of `roots` and all their descendants."""
    found = (read_stat(int(entry.name), proc) for entry in proc.iterdir() if entry.name.isdecimal())
    stats = {stat.pid: stat for stat in found if stat}
    children: dict[int, list[int]] = {}
    for stat in stats.values():
        children.setdefault(stat.parent, []).append(stat.pid)
    members: list[Stat] = []
    waiting = [pid for pid in set(roots) if pid in stats]
    seen: set[int] = set()
    while waiting:
        pid = waiting.pop()
        if pid in seen:
            continue
        seen.add(pid)
        members.append(stats[pid])
        waiting += children.get(pid, [])
    return members


def cpu_seconds(roots: Iterable[int], proc: Path = PROC) -> float:
    """CPU time of the trees since they began, in seconds.

    A descendant that has ended counts through the parent that waited for it, so nothing is lost between two samples.
    """
    return sum(stat.cpu_s for stat in tree(roots, proc))


def pss_mb(roots: Iterable[int], proc: Path = PROC) -> float:
    """Proportional set size of the trees in MB of 10^6 bytes: a page that n processes share counts 1/n in each."""
    return sum(_pss_kib(stat.pid, proc) for stat in tree(roots, proc)) * 1024 / 1e6


def threads(roots: Iterable[int], proc: Path = PROC) -> int:
    """Threads of the trees."""
    return sum(stat.threads for stat in tree(roots, proc))


def open_files(roots: Iterable[int], proc: Path = PROC) -> int:
    """Open file descriptors of the trees."""
    return sum(_count(proc / str(stat.pid) / "fd") for stat in tree(roots, proc))


def _pss_kib(pid: int, proc: Path) -> int:
    try:
        lines = (proc / str(pid) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _count(directory: Path) -> int:
    try:
        return sum(1 for _ in directory.iterdir())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
