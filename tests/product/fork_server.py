"""`python -m tests.product.fork_server`: a process with the libraries of a worker imported, which forks one on request.

Most of what a worker's start costs is the import of libraries, and tests start dozens of workers. Before a fork, only
other people's modules are imported, and of ours what arranges how Pipecat logs, and the list of what calls import
late; the rest of our code, its settings and the environment are the new process's. No thread may run before a fork,
because none is there after it.

Reads requests from standard input, one JSON object a line: `command` (the path of a Python script, and its arguments),
`environment` (all of it), `directory` and `log_file`. Answers each with the number of a process in a session of its
own, and ends when the input does.
"""

import ast
import gc
import json
import os
import runpy
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

import workers
from workers.process import logs, preload  # noqa: F401  the former before Pipecat

OURS = {"access", "agents", "callcenter", "calls", "common", "workers"}
ASKS_FOR_SETTINGS = {"django"}
# onnxruntime, and the modules of Pipecat's that import it.
STARTS_THREADS = {
    "onnxruntime",
    "pipecat.audio.turn.smart_turn.local_smart_turn_v3",
    "pipecat.audio.vad.silero",
}
BY_NAME = (
    *("celery.apps.beat", "celery.apps.worker", "celery.bin.celery", "celery.concurrency.thread"),
    *("celery.worker.consumer", "kombu.transport.pyamqp"),
    *("django.core.management", "django.db.backends.postgresql.base", "django.db.models"),
    *("livekit.api", "livekit.rtc"),
)
"""Libraries that the modules below name by strings, or import from others of their packages."""


def libraries(package: Path) -> list[str]:
    """The modules of others that the modules of a package of ours import, as far as they may be there before a fork."""
    found: set[str] = set()
    for file in package.rglob("*.py"):
        for statement in ast.parse(file.read_text()).body:
            match statement:
                case ast.Import(names):
                    found |= {alias.name for alias in names}
                case ast.ImportFrom(module=str(module), level=0):
                    found.add(module)
    others = {name for name in found if name.partition(".")[0] not in OURS | ASKS_FOR_SETTINGS}
    return sorted(others - STARTS_THREADS)


def load() -> None:
    """Import every library. Raises RuntimeError when one has started a thread."""
    for name in (*libraries(Path(workers.__path__[0])), *BY_NAME):
        import_module(name)
    preload.load()
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"the libraries have started {threads - 1} threads, which a fork would lose")
    gc.collect()
    gc.freeze()  # what is here stays, and collections in the children copy none of its pages


def next_request(answers: TextIO) -> dict[str, Any] | None:
    """Fork for each request and answer it. Returns in the child with its request, in the server at the end of input."""
    for line in iter(sys.stdin.readline, ""):
        pid = os.fork()
        if pid == 0:
            return dict(json.loads(line))
        print(pid, file=answers, flush=True)
    return None


def become(command: list[str], environment: dict[str, str], directory: str, log_file: str) -> None:
    """Run the script as a new process would that is started detached, with its output appended to the log file."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    log = os.open(log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for opened, standard in ((null, 0), (log, 1), (log, 2)):
        os.dup2(opened, standard)
    os.close(null)
    os.close(log)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = command
    sys.path[0] = str(Path(command[0]).parent)
    runpy.run_path(command[0], run_name="__main__")


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children: the kernel forgets them
    request = next_request(answers)
    answers.close()
    if request is not None:
        become(**request)


if __name__ == "__main__":
    main()
