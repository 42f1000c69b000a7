"""A telephone, LiveKit's SIP service and a running product."""

import asyncio
import shutil
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
import soxr
from django.core.management import call_command
from numpy import frombuffer, int16

from calls.models import PhoneNumber
from simulator.speech.pcm import SAMPLE_RATE
from simulator.speech.synthesis import CALLER_VOICE, make_synthesizer
from tests.product.fixtures import number, quiet, stack
from tests.product.stack import Stack
from tests.services import INSTANCE
from tests.telephone.baresip import Telephone, telephone
from tests.telephone.service import program, sip_service
from tools.local.ports import LOOPBACK

__all__ = ["number", "quiet", "stack"]

CALLER = "+12025550123"
TELEPHONE_RATE = 8_000
QUESTION = "Hello, what are your opening hours?"
SILENCE = bytes(2 * SAMPLE_RATE * 300)  # longer than any of the calls: baresip hangs up at the end of a file
FILES = INSTANCE.state_dir / "telephone"


@pytest.fixture(scope="package", autouse=True)
def programs() -> None:
    """What these tests need and no package of ours installs."""
    if program() is None:
        pytest.skip("no program livekit-sip, on PATH or in LIVEKIT_SIP: telephone calls are not tested")
    if shutil.which("baresip") is None:
        pytest.skip("no program baresip (apt-get install baresip-core): telephone calls are not tested")


@pytest.fixture(scope="package")
def sip_port(programs: None, stack: Stack) -> Iterator[int]:
    """The port of the SIP service."""
    with sip_service(FILES / "service") as port:
        yield port


@pytest.fixture
def trunk(sip_port: int, number: PhoneNumber) -> int:
    """LiveKit takes calls to the number from this machine. The port for them."""
    call_command("setup_livekit_sip", "--allow", LOOPBACK)
    return sip_port


@pytest.fixture(scope="package")
def question(programs: None) -> Path:
    """A file in which the caller says something: the marks of scripted speech do not get through a telephone."""
    synthesizer = make_synthesizer("scripted")
    try:
        pcm = asyncio.run(synthesizer.synthesize(QUESTION, CALLER_VOICE))
    finally:
        synthesizer.close()
    return _wav(FILES / "question.wav", pcm + SILENCE)


@pytest.fixture
def phone(programs: None, tmp_path: Path) -> Iterator[Telephone]:
    """The caller's telephone, which is silent."""
    with telephone(CALLER, tmp_path / "telephone", _wav(tmp_path / "silence.wav", SILENCE)) as phone:
        yield phone


def _wav(path: Path, pcm: bytes) -> Path:
    """Write 16-bit mono PCM at 16 kHz as a file for a telephone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(TELEPHONE_RATE)
        file.writeframes(soxr.resample(frombuffer(pcm, dtype=int16), SAMPLE_RATE, TELEPHONE_RATE).tobytes())
    return path
