"""What a synthetic call needs to know, checked before anything starts."""

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

import phonenumbers

from simulator.scenario import Scenario
from simulator.speech.synthesis import Speech


class CallError(RuntimeError):
    """A call that cannot be placed: bad settings, or LiveKit cannot be reached. One line, with the cure."""


class NotReached(CallError):
    """LiveKit does not answer, or not yet."""


@dataclass(frozen=True)
class CallerSettings:
    """One call.

    `livekit_url` is ws:// or wss://. Numbers are E.164. Without `room`, the call gets a fresh room named call-<random>,
    as livekit-sip would give it. `speech` is local (Piper) or scripted (espeak-ng, with marks that the scripted
    recognizer reads). `ring_timeout_s` is how long the phone rings, `max_seconds` how long the call may take after it
    was answered. With `picks_up_after_s` the telephone does not call but is called: it rings so long in the room, and
    `to_number` is who calls; `identity` is then the participant's, as who calls has chosen it. A line that is `mute`
    sends no audio at all, and one that is `deaf` takes none.
    """

    livekit_url: str
    api_key: str
    api_secret: str
    to_number: str
    scenario: Scenario
    from_number: str | None = None
    room: str | None = None
    speech: Speech = "scripted"
    wav_path: Path | None = None
    ring_timeout_s: float = 30.0
    max_seconds: float = 300.0
    picks_up_after_s: float | None = None
    mute: bool = False
    deaf: bool = False
    identity: str | None = None

    def __post_init__(self) -> None:
        """Raise CallError for a setting that cannot work."""
        if not self.livekit_url.startswith(("ws://", "wss://", "http://", "https://")):
            raise CallError(f"LIVEKIT_URL is {self.livekit_url!r}: it must begin with ws:// or wss://")
        for name, value in (("LIVEKIT_API_KEY", self.api_key), ("LIVEKIT_API_SECRET", self.api_secret)):
            if not value:
                raise CallError(f"{name} is empty: set it in the environment or in .env (scripts/setup makes one)")
        for name, number in (("to", self.to_number), ("from", self.caller_number)):
            _check_number(name, number)
        for name, seconds in (("ring timeout", self.ring_timeout_s), ("max seconds", self.max_seconds)):
            if seconds <= 0:
                raise CallError(f"{name} is {seconds}: it must be more than 0 seconds")
        if self.wav_path is not None and not self.wav_path.resolve().parent.is_dir():
            raise CallError(f"wav is {str(self.wav_path)!r}: its directory does not exist")

    @property
    def caller_number(self) -> str:
        """The caller's number: from_number, else the scenario's."""
        return self.from_number or self.scenario.caller.from_number

    @property
    def participant_identity(self) -> str:
        """The given one, else as LiveKit's SIP service makes it of a number that it hides."""
        return self.identity or identity_of(self.caller_number)

    def new_room_name(self) -> str:
        """Return the room to join: the given one, or a fresh name."""
        return self.room or f"call-{secrets.token_hex(6)}"


def identity_of(number: str) -> str:
    """The participant of a telephone: sip_ and a digest, as in EvaluateDispatchRule of livekit/protocol's sip.go."""
    return f"sip_{hashlib.sha256(number.encode()).hexdigest()[:16]}"


def _check_number(name: str, number: str) -> None:
    cure = "give it in E.164, such as +12025550100"
    if not number.startswith("+"):
        raise CallError(f"{name} number {number!r} has no country code: {cure}")
    try:
        possible = phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        possible = False
    if not possible:
        raise CallError(f"{name} number {number!r} is not a telephone number: {cure}")
