"""What the C library of a worker process does with memory that is free again (mallopt(3), malloc_trim(3)).

The environment variables MALLOC_ARENA_MAX and the like do the same, but every program that starts a worker would have
to set them.
"""

import ctypes
import gc
import mmap
import platform

# Names and numbers of malloc.h.
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8

ARENAS = 1
"""By default there are eight for each core, and what a thread has freed in one serves no thread of another."""
TRIM_BYTES = 1 << 20
MMAP_BYTES = 1 << 20
"""Blocks of this size go back to the system when they are freed. By default the limit grows to 32 MB with use."""

PROBE_BYTES = 8 << 20
"""More than this a busy call asks for at once only when a model is loaded."""


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def limit_malloc() -> None:
    """Keep threads from hoarding what they free. Takes effect for threads that start afterwards.

    Does nothing under another C library than glibc. Together with the settings of `workers.turns.detectors`, the
    private memory that 6 calls add to an idle worker fell from 84 to 31 MB.
    """
    libc = _glibc()
    if libc is not None:
        libc.mallopt(M_ARENA_MAX, ARENAS)
        libc.mallopt(M_TRIM_THRESHOLD, TRIM_BYTES)
        libc.mallopt(M_MMAP_THRESHOLD, MMAP_BYTES)


def settle() -> None:
    """Give back what start-up has freed, and take what it has kept out of later garbage collections."""
    gc.collect()
    gc.freeze()
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def is_available() -> bool:
    """Whether the system still gives this process memory. Asks for some, touches none of it, and gives it back."""
    try:
        mmap.mmap(-1, PROBE_BYTES, flags=mmap.MAP_PRIVATE).close()
    except (OSError, MemoryError):
        return False
    return True
