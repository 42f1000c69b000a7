"""A SIP telephone: baresip, which speaks from a file and writes what it hears into another.

It is driven over its control port: JSON in netstrings, commands one way, events and answers the other
(https://github.com/baresip/baresip/blob/main/modules/ctrl_tcp/ctrl_tcp.c).
"""

import json
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simulator.speech.pcm import Samples, decode_wav, resample
from tests.product.stack import WAIT_S, eventually
from tools.local.ports import LOOPBACK, free_ports
from tools.local.process import Daemon

MODULES = Path("/usr/lib/baresip/modules")
_RTP_PORTS = 40  # baresip looks for a free pair in a range

_CONFIG = """\
sip_listen {host}:{sip}
audio_source aufile,{silence}
audio_player aubridge,speaker
audio_alert aubridge,bell
rtp_ports {rtp}-{rtp_end}
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
snd_path {directory}
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {host}:{control}
"""


class Telephone:
    """`number` is the caller's, in E.164. Use `telephone()` to have one that is switched on."""

    def __init__(self, number: str, directory: Path, silence: Path) -> None:
        self._directory, self._silence = directory, silence
        self._control_port, rtp, sip, _tls = free_ports(4)  # baresip takes the one above SIP's for TLS
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        config = _CONFIG.format(
            host=LOOPBACK,
            sip=sip,
            control=self._control_port,
            rtp=rtp,
            rtp_end=rtp + _RTP_PORTS,
            modules=MODULES,
            directory=directory,
            silence=silence,
        )
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "config").write_text(config)
        (directory / "accounts").write_text(f"<sip:{number}@{LOOPBACK}>;regint=0\n")
        self.daemon = Daemon(
            command=["baresip", "-4", "-f", str(directory)],
            pid_file=directory / "baresip.pid",
            log_file=directory / "baresip.log",
            directory=directory,
        )

    def switch_on(self) -> None:
        """Start the program and connect to its control port."""
        self.daemon.start()
        self._control = eventually(self._connected, "baresip's control port")
        threading.Thread(target=self._read, daemon=True).start()

    def _connected(self) -> socket.socket | None:
        try:
            return socket.create_connection((LOOPBACK, self._control_port))
        except ConnectionRefusedError:
            return None

    def dial(self, number: str, sip_port: int) -> None:
        """Call a number of the SIP service on this port; return when it has answered."""
        self._command("dial", f"sip:{number}@{LOOPBACK}:{sip_port}")
        self.wait_for("CALL_ESTABLISHED")

    def say(self, wav: Path) -> None:
        """Speak what is in this file: 8 kHz, 16-bit mono, and longer than the call, because its end ends the call."""
        self._command("ausrc", f"aufile,{wav}")

    def hang_up(self) -> None:
        """End the call from this side."""
        self._command("hangup", "")
        self.wait_for("CALL_CLOSED")

    def wait_for(self, event: str, timeout_s: float = WAIT_S) -> None:
        """Wait for an event of baresip's that has not been waited for yet; fail when the call closes instead."""
        while (happened := self._events.get(timeout=timeout_s)["type"]) != event:
            assert happened != "CALL_CLOSED", f"the call was closed before {event}"

    def heard(self) -> Samples:
        """All that has been heard in the last call, at 16 kHz: baresip writes it as it comes."""
        [recording] = self._directory.glob("dump-*-dec.wav")
        return resample(*decode_wav(recording.read_bytes()))

    def _command(self, name: str, parameters: str) -> None:
        message = json.dumps({"command": name, "params": parameters}).encode()
        self._control.sendall(b"%d:%s," % (len(message), message))

    def _read(self) -> None:
        stream = self._control.makefile("rb")
        while length := b"".join(iter(lambda: stream.read(1), b":")):
            message = json.loads(stream.read(int(length)))
            stream.read(1)  # the comma behind it
            if message.get("class") == "call":
                self._events.put(message)


@contextmanager
def telephone(number: str, directory: Path, silence: Path) -> Iterator[Telephone]:
    """A telephone that is switched on; what it speaks while nothing else is said is in the file `silence`."""
    phone = Telephone(number, directory, silence)
    try:
        phone.switch_on()
        yield phone
    finally:
        phone.daemon.stop()
