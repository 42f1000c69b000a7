"""The system packages that services, simulator and tests run: installed with apt, only those missing."""

import os
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from tools.errors import ToolError
from tools.setup.steps import run, say

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


def _on_path(program: str) -> Callable[[], bool]:
    return lambda: shutil.which(program, path=f"{os.environ.get('PATH', '')}:{SBIN}") is not None


def _has_postgres() -> bool:
    return any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or _on_path("initdb")()


# Package, whether it is here, and the service that it registers with the system.
PACKAGES: list[tuple[str, Callable[[], bool], str | None]] = [
    ("rabbitmq-server", _on_path("rabbitmq-server"), "rabbitmq-server"),
    ("postgresql", _has_postgres, "postgresql"),
    ("redis-server", _on_path("redis-server"), "redis-server"),
    ("espeak-ng", _on_path("espeak-ng"), None),
    ("prometheus", _on_path("prometheus"), "prometheus"),
]

# The browser in which pages are tested, by the names that it has. `chromium` is Debian's package; Ubuntu has a snap of
# it, which it installs with the package `chromium-browser`.
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """The browser's path, if it is installed."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


def _chromium_package() -> str:
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        system = {}
    return "chromium-browser" if system.get("ID") == "ubuntu" else "chromium"


# What only tests need, in the same form.
FOR_TESTS: list[tuple[str, Callable[[], bool], str | None]] = [
    (_chromium_package(), lambda: find_chromium() is not None, None),
]

# The packages' own services are not wanted: policy-rc.d (Debian Policy, invoke-rc.d) keeps them from starting while
# they are installed, and `systemctl disable` from starting with the machine. A policy that is there already stays.
INSTALL = """
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\\nexit 101\\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends {packages}
if [ -n "{services}" ] && command -v systemctl >/dev/null; then
    systemctl disable --quiet {services} || true
fi
"""


def install(for_tests: bool = False) -> None:
    """Install what the product and the simulator need, and with `for_tests` also what only tests need.

    Raises ToolError with the command to type when packages are missing and apt or sudo will not do.
    """
    wanted = PACKAGES + FOR_TESTS if for_tests else PACKAGES
    missing = [(package, service) for package, is_here, service in wanted if not is_here()]
    if not missing:
        return
    names = " ".join(package for package, _ in missing)
    if shutil.which("apt-get") is None:
        raise ToolError(f"{names} missing and there is no apt-get; install them with this system's package manager")
    say(f"System packages: {names}")
    script = INSTALL.format(packages=names, services=" ".join(service for _, service in missing if service))
    command = ["sh", "-c", script]
    if os.geteuid() != 0:
        may_ask = [] if sys.stdin.isatty() else ["-n"]
        command = ["sudo", *may_ask, *command]
    by_hand = f"sudo apt-get install -y --no-install-recommends {names}"
    run(command, "system-packages", f"{names} missing; install with: {by_hand}")
