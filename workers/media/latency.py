"""How long the caller waited for a reply, by stage. Notes what four processors push; holds none of it up.

The stages follow one another and add up to the reply: what happened while an earlier stage was still running (a
language model that answered a predicted end of turn) counts as nothing, because the caller did not wait for it.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    EagerTranscriptionFrame,
    Frame,
    InterimTranscriptionFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameProcessor

from workers.media.input import CallerEar
from workers.media.output import AgentVoice


@dataclass(frozen=True, slots=True)
class ReplyLatency:
    """Milliseconds from the caller's last speech to the agent's first as the caller hears them, and its parts.

    `transport_ms` holds the way of the audio from the caller and back, which is an estimate (`CallTransport.path_ms`);
    the rest is measured.
    """

    reply_ms: int
    stt_ms: int
    end_of_turn_ms: int
    llm_ms: int
    tts_ms: int
    transport_ms: int

    def with_path(self, path_ms: int) -> "ReplyLatency":
        """The same with the way between caller and worker."""
        return replace(self, reply_ms=self.reply_ms + path_ms, transport_ms=self.transport_ms + path_ms)

    def as_fields(self) -> dict[str, int]:
        """The fields of a Turn."""
        return {name: getattr(self, name) for name in self.__slots__}


class LatencyMeter:
    """Notes the moments of one reply at a time, in nanoseconds of the pipeline's clock.

    No Pipecat observer, because those see every frame at every hop through a queue and a task of their own: that took
    an eighth of the pipeline's time on the call loop.
    """

    def __init__(self, ear: CallerEar, voice: AgentVoice) -> None:
        self._ear = ear
        self._voice = voice
        self._heard = ""
        self._moments: dict[str, int] = {}
        self._speech_end: int | None = None
        self._interrupted: ReplyLatency | None = None

    def watch(self, *processors: FrameProcessor) -> None:
        """Note what these processors push from now on: speech to text, the caller's turns, the model, the speech."""
        for processor in processors:
            processor.add_event_handler("on_before_push_frame", self._on_push)

    def note(self, frame: Frame, at_ns: int) -> None:
        """Note the time of a frame."""
        note = _NOTES.get(type(frame))
        if note is not None:
            note(self, frame, at_ns)

    def take(self, path_ms: int) -> ReplyLatency | None:
        """The latency of the reply that is being spoken, `path_ms` of it on the way between caller and worker.

        None for what answers nobody, such as a greeting.
        """
        reply, self._interrupted = self._interrupted or self._reply(), None
        self._speech_end, self._moments = None, {}
        return reply.with_path(path_ms) if reply else None

    def _on_push(self, processor: FrameProcessor, frame: Frame) -> None:
        if type(frame) in _NOTES:  # the clock costs 4 us, and most frames are not noted
            self.note(frame, processor.get_clock().get_time())

    def _reply(self) -> ReplyLatency | None:
        """The reply as far as it was measured, without the way between caller and worker."""
        start, end, moments = self._speech_end, self._voice.first_speech_ns, self._moments
        if start is None or end is None or end < start:
            return None
        stages: dict[str, int] = {}
        reached = start
        for stage in ("stt", "end_of_turn", "llm", "tts"):
            at = min(max(moments.get(stage, reached), reached), end)
            stages[f"{stage}_ms"] = round((at - reached) / 1e6)
            reached = at
        reply = round((end - start) / 1e6)
        return ReplyLatency(reply_ms=reply, transport_ms=reply - sum(stages.values()), **stages)

    def _turn_started(self, _frame: Frame, _at: int) -> None:
        # It is taken after this, when the words that were heard are known. The frame comes twice, up and down.
        self._interrupted = self._reply() or self._interrupted
        self._moments.clear()
        self._speech_end = None
        self._heard = ""

    def _transcript(self, frame: Any, at: int) -> None:
        # The last time that the words changed is when they were there: a final copy of the same words adds no wait.
        words = re.sub(r"\W+", "", frame.text).lower()
        if words != self._heard:
            self._heard = words
            self._moments["stt"] = at

    def _turn_ended(self, _frame: Frame, at: int) -> None:
        if self._speech_end is None:
            self._speech_end = self._ear.last_speech_ns
            self._interrupted = None
            self._moments["end_of_turn"] = at
            self._voice.listen_for_reply()

    def _text(self, _frame: Frame, at: int) -> None:
        self._moments.setdefault("llm", at)

    def _withdrawn(self, _frame: Frame, _at: int) -> None:
        if "end_of_turn" in self._moments:
            return  # the reply is to a turn that is over
        for stage in ("llm", "tts"):
            self._moments.pop(stage, None)

    def _audio(self, _frame: Frame, at: int) -> None:
        self._moments.setdefault("tts", at)


_NOTES: dict[type[Frame], Any] = {
    UserStartedSpeakingFrame: LatencyMeter._turn_started,
    InterimTranscriptionFrame: LatencyMeter._transcript,
    EagerTranscriptionFrame: LatencyMeter._transcript,
    TranscriptionFrame: LatencyMeter._transcript,
    EagerEndOfTurnCancelFrame: LatencyMeter._withdrawn,
    UserStoppedSpeakingFrame: LatencyMeter._turn_ended,
    LLMTextFrame: LatencyMeter._text,
    TTSAudioRawFrame: LatencyMeter._audio,
}
