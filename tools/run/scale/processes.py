"""The processes of the Procfile, each by itself: detached, with a pid file and a log of its own."""

import os

from honcho.environ import parse_procfile

from tools.local import ROOT, Instance
from tools.local.process import Daemon

PROCFILE = ROOT / "Procfile"


def commands() -> dict[str, str]:
    """The Procfile: a shell command for each kind of process."""
    return dict(parse_procfile(PROCFILE.read_text()).processes)


def daemon(instance: Instance, name: str, command: str, mark: str = "") -> Daemon:
    """The process of this name, running or not; `mark` stands in the name of its pid file."""
    return Daemon(
        command=["/bin/sh", "-c", command],
        pid_file=instance.state_dir / f"{name}{mark}.pid",
        log_file=instance.log_dir / f"{name}.log",
        directory=ROOT,
        environment={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
