"""The machine, the date and the command, without which a figure means nothing."""

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any


def describe(program: str = "python -m tools.bench") -> dict[str, Any]:
    """As JSON values; memory in GB of 10^9 bytes. `program` is what was run, without its arguments."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": f"{program} {' '.join(sys.argv[1:])}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "pipecat": version("pipecat-ai"),
        "load_average_before": round(os.getloadavg()[0], 2),
    }


def line(program: str = "python -m tools.bench") -> str:
    """The same in one line of text."""
    found = describe(program)
    return (
        f"{found['date']}, {found['cores']} cores of {found['processor']}, {found['memory_gb']} GB, "
        f"Python {found['python']}, load average before {found['load_average_before']}: {found['command']}"
    )


def _processor() -> str:
    for text in Path("/proc/cpuinfo").read_text().splitlines():
        if text.startswith("model name"):
            return text.split(":", 1)[1].strip()
    return platform.machine()
