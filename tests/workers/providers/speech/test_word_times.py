"""Words are stamped with the time at which they are heard."""

from pipecat.frames.frames import LLMFullResponseEndFrame, TTSAudioRawFrame, TTSTextFrame
from pipecat.utils.text.base_text_aggregator import TextType

from workers.providers.speech.word_times import WordTimes

SECOND = 1_000_000_000
SAMPLE_RATE = 16000


def _audio(context_id: str, seconds: float) -> TTSAudioRawFrame:
    return TTSAudioRawFrame(bytes(2 * round(SAMPLE_RATE * seconds)), SAMPLE_RATE, 1, context_id=context_id)


def _word(context_id: str, pts: int) -> TTSTextFrame:
    frame = TTSTextFrame("word", TextType.WORD)
    frame.context_id, frame.pts = context_id, pts
    return frame


def _pass(times: WordTimes, frame: TTSAudioRawFrame | TTSTextFrame, from_ns: int, now_ns: int) -> None:
    times.arrived(frame, from_ns)
    times.leaves(frame, now_ns)


def test_a_word_of_speech_that_is_played_at_once_keeps_its_time() -> None:
    times, word = WordTimes(), _word("a", 5 * SECOND)
    _pass(times, _audio("a", 1.0), 4 * SECOND, 4 * SECOND)
    _pass(times, word, 4 * SECOND, 4 * SECOND)
    assert word.pts == 5 * SECOND


def test_a_word_of_speech_that_was_held_is_later_by_as_much() -> None:
    times, audio, word = WordTimes(), _audio("a", 1.0), _word("a", 5 * SECOND)
    times.arrived(audio, 4 * SECOND)
    times.arrived(word, 4 * SECOND)
    times.leaves(audio, 7 * SECOND)
    times.leaves(word, 7 * SECOND)
    assert word.pts == 8 * SECOND


def test_a_word_is_heard_after_the_speech_before_it() -> None:
    times, word = WordTimes(), _word("b", 4 * SECOND)
    _pass(times, _audio("a", 3.0), SECOND, SECOND)  # until second 4
    _pass(times, word, 2 * SECOND, 2 * SECOND)
    assert word.pts == 6 * SECOND


def test_the_end_of_a_reply_comes_after_its_last_word() -> None:
    times, word, end = WordTimes(), _word("b", 2 * SECOND), LLMFullResponseEndFrame()
    end.pts = 2 * SECOND
    _pass(times, _audio("a", 3.0), SECOND, SECOND)
    _pass(times, word, 2 * SECOND, 2 * SECOND)
    times.leaves(end, 2 * SECOND)
    assert (word.pts, end.pts) == (4 * SECOND, 4 * SECOND)


def test_after_an_interruption_nothing_is_waited_for() -> None:
    times, word = WordTimes(), _word("b", 2 * SECOND)
    _pass(times, _audio("a", 30.0), SECOND, SECOND)
    times.forget()
    _pass(times, word, 2 * SECOND, 2 * SECOND)
    assert word.pts == 2 * SECOND
