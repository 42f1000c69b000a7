"""What processes and all their descendants use."""

from collections.abc import Callable, Iterable

import psutil


def tree(roots: Iterable[int]) -> list[psutil.Process]:
    """The living processes of `roots` and all their descendants, each once."""
    found: dict[int, psutil.Process] = {}
    for pid in roots:
        try:
            root = psutil.Process(pid)
            found |= {process.pid: process for process in (root, *root.children(recursive=True))}
        except psutil.NoSuchProcess:
            continue
    return list(found.values())


def cpu_seconds(roots: Iterable[int]) -> float:
    """CPU time of the trees since they began, in seconds.

    A descendant that has ended counts through the parent that waited for it, so nothing is lost between two samples.
    """
    return _total(roots, lambda process: sum(process.cpu_times()[:4]))  # own and children's, user and system


def pss_mb(roots: Iterable[int]) -> float:
    """Proportional set size of the trees in MB of 10^6 bytes: a page that n processes share counts 1/n in each."""
    return _total(roots, lambda process: process.memory_full_info().pss) / 1e6


def threads(roots: Iterable[int]) -> int:
    """Threads of the trees."""
    return int(_total(roots, psutil.Process.num_threads))


def open_files(roots: Iterable[int]) -> int:
    """Open file descriptors of the trees."""
    return int(_total(roots, psutil.Process.num_fds))


def _total(roots: Iterable[int], of_one: Callable[[psutil.Process], float]) -> float:
    """The sum over the trees, without what is gone by now or belongs to another user."""
    total = 0.0
    for process in tree(roots):
        try:
            total += of_one(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total
