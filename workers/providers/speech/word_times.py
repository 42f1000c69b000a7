"""When a word is heard, which is later than its provider's audio came, if other speech is heard before it.

Pipecat times the words of an audio context from the moment in which its first audio came. That is right for speech that
is played at once. A reply that was held is played when its turn is confirmed, and what was said in front of a reply,
such as that the caller may hold on, is still being played when the reply's audio comes.
"""

from pipecat.frames.frames import Frame, TTSAudioRawFrame, TTSTextFrame


class WordTimes:
    """Moves the time stamps of frames to when they are heard, in nanoseconds of the pipeline's clock; never back."""

    def __init__(self) -> None:
        self._timed_from: dict[str, int] = {}  # by audio context, which words are counted from
        self._late: dict[str, int] = {}
        self._last_late = 0
        self._last_pts = 0
        self._silent_from = 0  # when all speech that has left will have been heard

    def forget(self) -> None:
        """Nothing that was said before will be heard anymore."""
        self._timed_from.clear()
        self._late.clear()
        self._last_late = self._last_pts = self._silent_from = 0

    def arrived(self, frame: Frame, timed_from_ns: int) -> None:
        """Note speech, and from when its words are counted, as it comes from the provider."""
        if isinstance(frame, TTSAudioRawFrame | TTSTextFrame) and frame.context_id:
            self._timed_from.setdefault(frame.context_id, timed_from_ns)

    def leaves(self, frame: Frame, now_ns: int) -> None:
        """Stamp a frame that is handed on towards the caller now."""
        if isinstance(frame, TTSAudioRawFrame):
            self._late_by(frame.context_id, now_ns)
            seconds = frame.num_frames / frame.sample_rate
            self._silent_from = max(self._silent_from, now_ns) + round(seconds * 1e9)
        elif frame.pts:
            late_ns = self._late_by(getattr(frame, "context_id", None), now_ns)
            frame.pts = self._last_pts = max(frame.pts + late_ns, self._last_pts)

    def _late_by(self, context_id: str | None, now_ns: int) -> int:
        if context_id in self._timed_from:
            if context_id not in self._late:
                self._late[context_id] = max(self._silent_from, now_ns) - self._timed_from[context_id]
            self._last_late = self._late[context_id]
        return self._last_late
