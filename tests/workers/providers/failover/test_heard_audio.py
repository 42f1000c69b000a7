"""What a recognizer that takes over must be told: all that was said since the last final transcript."""

from pipecat.frames.frames import InputAudioRawFrame

from workers.providers.failover.heard_audio import LONGEST_S, PRE_ROLL_S, HeardAudio

TENTH_S = bytes(3200)


def _hear(audio: HeardAudio, seconds: float, *, speech: bool) -> None:
    for _ in range(round(seconds * 10)):
        audio.add(InputAudioRawFrame(TENTH_S, sample_rate=16000, num_channels=1), speech)


def _kept_s(audio: HeardAudio) -> float:
    return round(len(audio.hand_over()) / 10, 1)


def test_of_silence_only_the_moment_before_speech_is_kept() -> None:
    audio = HeardAudio()
    _hear(audio, 5, speech=False)
    assert _kept_s(audio) == PRE_ROLL_S
    _hear(audio, 2, speech=True)
    assert _kept_s(audio) == PRE_ROLL_S + 2


def test_what_was_transcribed_is_forgotten_and_what_came_after_it_is_not() -> None:
    audio = HeardAudio()
    _hear(audio, 4, speech=True)
    audio.transcribed(3.0)
    assert _kept_s(audio) == 1
    _hear(audio, 2, speech=False)
    assert _kept_s(audio) == 3


def test_a_final_transcript_without_times_covers_everything() -> None:
    audio = HeardAudio()
    _hear(audio, 4, speech=True)
    audio.transcribed(None)
    assert _kept_s(audio) == 0


def test_a_recognizer_that_took_over_counts_from_what_it_was_told() -> None:
    audio = HeardAudio()
    _hear(audio, 4, speech=True)
    audio.transcribed(3.0)
    audio.hand_over()
    _hear(audio, 1, speech=True)
    audio.transcribed(1.5)
    assert _kept_s(audio) == 0.5


def test_a_long_speech_does_not_fill_the_memory() -> None:
    audio = HeardAudio()
    _hear(audio, LONGEST_S + 5, speech=True)
    assert _kept_s(audio) == LONGEST_S


def test_the_last_sound_of_what_was_transcribed_is_no_new_speech() -> None:
    audio = HeardAudio()
    _hear(audio, 3, speech=True)
    audio.transcribed(2.9)
    _hear(audio, 5, speech=False)
    assert _kept_s(audio) == PRE_ROLL_S
