"""A call whose truth is known, and a stand-in for Twilio with recordings of it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulator.twilio.api import TwilioAccount as Account
from simulator.twilio.api import running_twilio
from simulator.twilio.recordings import RecordedCalls
from tests.latency.studio import ANSWER, QUESTION, SHORT, placed, spoken, write

NUMBER, OTHER_NUMBER, CALLER = "+12025550100", "+12025550101", "+12025550123"
SECONDS = 12.0


@pytest.fixture(scope="session")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A call as Twilio records it, 8 kHz. The agent greets and answers once, after 700 ms."""
    question_ended_s = 3.0 + len(spoken(QUESTION)) / 16_000
    caller = placed({3.0: spoken(QUESTION)}, SECONDS)
    agent = placed({0.5: spoken(SHORT, "agent"), question_ended_s + 0.7: spoken(ANSWER, "agent")}, SECONDS)
    return write(tmp_path_factory.mktemp("recordings") / "call.wav", caller, agent, rate=8000)


@dataclass
class Twilio:
    """A running stand-in: its account, its calls, its address."""

    account: Account = field(default_factory=Account)
    calls: RecordedCalls = field(default_factory=RecordedCalls)
    url: str = ""

    def add(self, day: int, wav: Path, to_number: str = NUMBER, status: str = "completed") -> str:
        """Add a call of that day of November, and return its recording's SID."""
        at = datetime(2026, 11, day, 12, 0, tzinfo=UTC)
        return self.calls.add(CALLER, to_number, at, wav.read_bytes(), status).recording_sid


@pytest.fixture
async def twilio(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Twilio]:
    """The stand-in, as the environment names it."""
    standing_in = Twilio()
    async with running_twilio(standing_in.account, standing_in.calls.routes()) as url:
        standing_in.url = url
        monkeypatch.setenv("TWILIO_ACCOUNT_SID", standing_in.account.sid)
        monkeypatch.setenv("TWILIO_AUTH_TOKEN", standing_in.account.auth_token)
        monkeypatch.setenv("TWILIO_BASE_URL", url)
        yield standing_in
