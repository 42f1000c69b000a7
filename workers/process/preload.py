"""What the libraries of a call import late, imported before the first call.

These are some 200 modules, which the first caller would otherwise wait for, in silence.
"""

from importlib import import_module

USED_BY_CALLS = (
    "anyio._backends._asyncio",
    "deepgram.listen.v1.client",
    "httpcore",
    "httpcore2",
    "numpy.fft",
    "openai.lib.streaming.chat",
    "openai.resources.chat.completions.completions",
    "psycopg_pool",
    "websockets.legacy.client",
)


def load() -> None:
    """Import all of them."""
    for name in USED_BY_CALLS:
        import_module(name)
