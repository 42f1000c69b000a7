"""The caller's last words as audio, for a recognizer that takes over: nothing that was said is lost."""

from collections import deque

from pipecat.frames.frames import InputAudioRawFrame

from workers.media.speech_meter import SAMPLE_RATE

FRAME_SAMPLES = 512
LONGEST_S = 15.0  # 480 kB; a caller who speaks for longer without a final transcript loses the first words
PRE_ROLL_S = 0.5  # before the first sound that is loud enough for speech
LAST_SOUND_S = 0.1  # after the end of a transcript, where its last word fades away


class HeardAudio:
    """What a recognizer has been sent since its last final transcript."""

    def __init__(self) -> None:
        self._frames: deque[tuple[InputAudioRawFrame, bool]] = deque()
        self._kept = 0  # samples
        self._has_speech = False
        self._sent = 0  # samples, since the recognizer began

    def add(self, frame: InputAudioRawFrame, is_speech: bool) -> None:
        """Keep a frame that the recognizer is sent."""
        self._has_speech = self._has_speech or is_speech
        self._frames.append((frame, is_speech))
        self._kept += frame.num_frames
        self._sent += frame.num_frames
        self._keep(LONGEST_S if self._has_speech else PRE_ROLL_S)

    def transcribed(self, until_s: float | None) -> None:
        """Forget what stands in a final transcript that goes to this second; None is all there is."""
        after_s = self._sent / SAMPLE_RATE - until_s if until_s is not None else 0.0
        self._keep(max(0.0, after_s))
        self._has_speech = False
        at_s = 0.0
        for frame, is_speech in self._frames:
            self._has_speech = self._has_speech or (is_speech and at_s >= LAST_SOUND_S)
            at_s += frame.num_frames / SAMPLE_RATE

    def hand_over(self) -> list[InputAudioRawFrame]:
        """What the next recognizer must be sent first: it starts at second 0."""
        self._sent = self._kept
        return [frame for frame, _ in self._frames]

    def _keep(self, seconds: float) -> None:
        most = round(seconds * SAMPLE_RATE)
        while self._frames and self._kept - self._frames[0][0].num_frames >= most:
            self._kept -= self._frames.popleft()[0].num_frames


def frames_of(pcm: bytes) -> list[InputAudioRawFrame]:
    """Audio in frames of 32 ms, as those that come from the caller."""
    size = FRAME_SAMPLES * 2
    pieces = (pcm[start : start + size] for start in range(0, len(pcm), size))
    return [InputAudioRawFrame(piece, sample_rate=SAMPLE_RATE, num_channels=1) for piece in pieces]
