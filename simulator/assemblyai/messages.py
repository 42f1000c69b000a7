"""What the server sends, by assemblyai.com/docs/streaming/message-sequence and the streaming API reference.

As the real service does, a Turn has its type as the last key, and the Termination counts whole seconds.
"""

import math
import time
from dataclasses import dataclass
from typing import Any

from simulator.assemblyai.options import Options
from simulator.hearing.words import spread_words
from simulator.scenario import normalize

LONGEST_SESSION_S = 3 * 3600

UNAUTHORIZED = 1008
BROKEN = 3005
INVALID_MESSAGE = 3006
WRONG_PACE = 3007
TOO_MANY_SESSIONS = 3009

_CONFIDENCE = 0.98


class SessionError(Exception):
    """Ends a session: an Error message, and then a close with the same code.

    Codes and texts: assemblyai.com/docs/streaming/common-session-errors-and-closures.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code

    def message(self) -> dict[str, Any]:
        """As JSON."""
        return {"type": "Error", "error_code": self.code, "error": str(self)}


def begin(session_id: str, options: Options) -> dict[str, Any]:
    """The first message, with what the server has understood of the parameters."""
    configuration = {
        "model": options.model,
        "mode": options.mode,
        "api_version": "2025-05-12",
        "speaker_labels": False,
        "redact_pii": False,
        "filter_profanity": False,
        "domain": None,
        "voice_focus": None,
    }
    expires_at = int(time.time()) + LONGEST_SESSION_S
    return {"type": "Begin", "id": session_id, "expires_at": expires_at, "configuration": configuration}


def speech_started(at_s: float) -> dict[str, Any]:
    """Speech was detected, and a Turn will follow."""
    return {"type": "SpeechStarted", "timestamp": round(at_s * 1000), "confidence": _CONFIDENCE}


def termination(audio_s: float, session_s: float) -> dict[str, Any]:
    """The last message."""
    totals = {"audio_duration_seconds": math.ceil(audio_s), "session_duration_seconds": math.ceil(session_s)}
    return {"type": "Termination", **totals}


@dataclass(frozen=True)
class Turn:
    """What is known of a turn, which lasts from `start_s` to `end_s` so far."""

    order: int
    text: str
    start_s: float
    end_s: float
    confidence: float
    ends: bool = False
    formatted: bool = False
    final_words: int = 0
    utterance: str = ""
    language_code: str = ""

    def message(self) -> dict[str, Any]:
        """As JSON. Text that is not formatted is in lower case, without punctuation."""
        text = self.text if self.formatted else normalize(self.text)
        words = spread_words(text, self.start_s, max(self.end_s, self.start_s))
        message: dict[str, Any] = {
            "turn_order": self.order,
            "turn_is_formatted": self.formatted and self.ends,
            "end_of_turn": self.ends,
            "transcript": text,
            "end_of_turn_confidence": round(self.confidence, 6),
            "words": [
                {
                    "start": round(start * 1000),
                    "end": round(end * 1000),
                    "text": word,
                    "confidence": _CONFIDENCE,
                    "word_is_final": number < self.final_words,
                }
                for number, (word, start, end) in enumerate(words)
            ],
            "utterance": self.utterance if self.formatted else normalize(self.utterance),
        }
        if self.language_code and self.ends:
            message |= {"language_code": self.language_code, "language_confidence": _CONFIDENCE}
        return message | {"type": "Turn"}
