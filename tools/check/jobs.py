"""Programs that run at once, each of which reports by its exit code whether all is well."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Job:
    """A program with its arguments. `environment` is what it gets besides that of this process."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    talks: bool = False
    """Whether its output is shown although it passed."""


def failed(jobs: Sequence[Job]) -> list[Job]:
    """Run all of them at once, tell of each when it has ended, and return those that did not pass."""
    began = time.monotonic()
    did_not_pass = []
    with ThreadPoolExecutor(len(jobs)) as threads, ExitStack() as running:
        outputs = {}
        for job in jobs:
            process = running.enter_context(_running(job))
            outputs[threads.submit(process.communicate)] = job, process
        for ended in as_completed(outputs):
            job, process = outputs[ended]
            passed = process.returncode == 0
            print(f"{'✓' if passed else '✗'} {job.name} ({time.monotonic() - began:.0f} s)", flush=True)
            if job.talks or not passed:
                print(ended.result()[0], flush=True)
            if not passed:
                did_not_pass.append(job)
    return did_not_pass


@contextmanager
def _running(job: Job) -> "Iterator[subprocess.Popen[str]]":
    """Its process, which is told to stop and clean up when this ends before it does."""
    process = subprocess.Popen(
        job.command,
        env=os.environ | dict(job.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        process_group=0,  # Ctrl-C reaches it once, from here: a second one would cut its cleaning up short
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
