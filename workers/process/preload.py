"""What the libraries of every call import late, imported before the first call, which would otherwise wait for it.

A provider's own are named in its folder, and imported by workers/providers/services.py.
"""

from importlib import import_module

USED_BY_CALLS = (
    "anyio._backends._asyncio",
    "httpcore",
    "httpcore2",
    "numpy.fft",
    "psycopg_pool",
)


def load() -> None:
    """Import all of them."""
    for name in USED_BY_CALLS:
        import_module(name)
