"""The parameters of a session: assemblyai.com/docs/api-reference/streaming-api. Unknown ones are ignored, as there."""

from collections.abc import Mapping
from typing import Any

from simulator.hearing.query import Query

UNIVERSAL = ("universal-streaming-english", "universal-streaming-multilingual")
PRO = ("u3-rt-pro", "u3-rt-pro-beta-1", "universal-3-5-pro", "universal-3-6-pro")
MODELS = UNIVERSAL + PRO

ENCODINGS = {"pcm_s16le": ("linear16", 2), "pcm_mulaw": ("mulaw", 1)}
"""By name: as simulator.speech.audio calls it, and the bytes of a sample."""

_MODES = ("min_latency", "balanced", "max_accuracy")
_CHANGES = {
    "end_of_turn_confidence_threshold": (0, 1),
    "min_turn_silence": (0, 10_000),
    "min_end_of_turn_silence_when_confident": (0, 10_000),  # the former name of min_turn_silence
    "max_turn_silence": (0, 60_000),
    "interruption_delay": (0, 1000),
    "vad_threshold": (0, 1),
}


class Options:
    """What a session was asked for; silences are in milliseconds."""

    def __init__(self, query: Query) -> None:
        """Read a handshake's parameters; raises the query's error for a wrong one."""
        self.model = query.text("speech_model", UNIVERSAL[0])
        if self.model not in MODELS:
            raise query.wrong(f"speech_model is {self.model!r}: use one of {', '.join(MODELS)}")
        self.is_pro = self.model in PRO
        for name in ("prompt", "mode"):
            if not self.is_pro and query.text(name):
                raise query.wrong(f"{name} is not supported by {self.model}")
        self.mode = query.text("mode", "balanced") if self.is_pro else None
        if self.mode and self.mode not in _MODES:
            raise query.wrong(f"mode is {self.mode!r}: use one of {', '.join(_MODES)}")
        self.encoding = query.text("encoding", "pcm_s16le")
        if self.encoding not in ENCODINGS:
            raise query.wrong(f"encoding is {self.encoding!r}: use one of {', '.join(ENCODINGS)}")
        self.sample_rate = int(query.number("sample_rate", 16_000, 8_000, 48_000) or 0)
        self.format_turns = self.is_pro or query.flag("format_turns")
        self.language_detection = query.flag("language_detection")
        self.continuous_partials = query.flag("continuous_partials", default=True)
        # Of Universal-Streaming: the API reference. Of Universal-3 Pro: docs/voice-agents/livekit-u3-rt-pro and
        # docs/streaming/universal-3-pro/turn-detection-and-partials.
        self.end_of_turn_confidence_threshold = 0.4
        self.min_turn_silence, self.max_turn_silence = (100.0, 1000.0) if self.is_pro else (400.0, 1280.0)
        self.interruption_delay = 500.0
        self._apply({name: query.number(name, None, *bounds) for name, bounds in _CHANGES.items()})

    def change(self, message: Mapping[str, Any]) -> str:
        """Apply an UpdateConfiguration; return what is wrong with it, or nothing."""
        for name, (low, high) in _CHANGES.items():
            value = message.get(name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                return f"{name} must be a number"
            if value is not None and not low <= value <= high:
                return f"{name} must be from {low} to {high}"
        self._apply(message)
        if not self.is_pro and isinstance(message.get("format_turns"), bool):
            self.format_turns = message["format_turns"]
        return ""

    def _apply(self, values: Mapping[str, Any]) -> None:
        former_name = values.get("min_end_of_turn_silence_when_confident")
        for name, value in ({"min_turn_silence": former_name} | dict(values)).items():
            if name in _CHANGES and hasattr(self, name) and value is not None:
                setattr(self, name, float(value))
