"""Parts of libraries that a call never uses, loaded only when something uses them after all.

Nothing is replaced: every name is the library's own, resolved at its first use. Python does the same for a package
that has a module `__getattr__` (PEP 562), and for a module behind `importlib.util.LazyLoader`.
"""

import ast
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import LazyLoader
from types import ModuleType
from typing import Any

PACKAGES = frozenset(
    {
        # 25 MB: the types of the whole API, of which chat completions need a few dozen.
        "openai.types",
        "openai.types.chat",
        "openai.types.responses",
        "openai.types.shared",
        "openai.types.shared_params",
        # 8 MB: num2words with all its languages, for spoken currencies and dates.
        "pipecat.utils.text.transforms",
    }
)
"""Packages whose `__init__` does nothing but gather names from its modules."""

MODULES = frozenset(
    {
        "PIL.Image",  # 7 MB: Pipecat's output transport resizes video with it
    }
)


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
"""What the libraries themselves load late, at the first call: some 200 modules, while that caller waits."""


class LazyFinder(MetaPathFinder):
    """Finds the packages and modules above as Python does, and loads them lazily."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in PACKAGES and fullname not in MODULES:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return spec
        if fullname in MODULES:
            spec.loader = LazyLoader(spec.loader)
        elif isinstance(spec.loader, SourceFileLoader):
            spec.loader = _LazyNames(spec.loader)
        return spec


class _LazyNames(Loader):
    """Runs a package's `__init__` without its imports from the package, and makes these when a name is asked for."""

    def __init__(self, loader: SourceFileLoader) -> None:
        self._loader = loader

    def exec_module(self, module: ModuleType) -> None:
        package = module.__name__
        tree = ast.parse(self._loader.get_data(self._loader.path))
        gathered: dict[str, tuple[str, str]] = {}
        rest = []
        for statement in tree.body:
            if isinstance(statement, ast.ImportFrom) and (source := _own_module(package, statement)):
                gathered |= {alias.asname or alias.name: (source, alias.name) for alias in statement.names}
            else:
                rest.append(statement)

        def resolve(name: str) -> Any:
            if name not in gathered:
                raise AttributeError(f"module {package!r} has no attribute {name!r}")
            source, original = gathered[name]
            value = getattr(import_module(source), original)
            setattr(module, name, value)
            return value

        tree.body = rest
        setattr(module, "__getattr__", resolve)  # noqa: B010  mypy knows no such attribute of a module
        exec(compile(tree, self._loader.path, "exec"), module.__dict__)  # noqa: S102  the package's own code


def _own_module(package: str, statement: ast.ImportFrom) -> str | None:
    """The full name of the module of `package` that the statement takes names from; None when it is another's."""
    if statement.level == 1 and statement.module:
        return f"{package}.{statement.module}"
    if statement.level == 0 and statement.module and statement.module.startswith(f"{package}."):
        return statement.module
    return None


def install() -> None:
    """Load lazily from now on. Has no effect on what is imported already."""
    if not any(isinstance(finder, LazyFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, LazyFinder())


def load_for_calls() -> None:
    """Load now what the first call would load."""
    for name in USED_BY_CALLS:
        import_module(name)
