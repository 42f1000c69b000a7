"""The cases, their clips and the calls that are made of them."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from simulator.scenario import Play, WaitForReply, WaitForSilence, parse_scenario
from simulator.speech.marks import NO_WORDS, code_of, read_mark
from simulator.speech.pcm import SAMPLE_RATE, Samples
from tests.simulator.speech.opus import through_opus
from tools.bench.__main__ import _parser
from tools.bench.turns import clips, sounds
from tools.bench.turns.cases import KINDS, Case, chosen, load
from tools.bench.turns.clips import Clip
from tools.bench.turns.script import LONG_ANSWER, QUESTION, SHORT_ANSWER, Answers, groups, script
from tools.bench.turns.voices import Speaker
from tools.errors import ToolError
from tools.measure.numbers import NUMBERS, TURN_NUMBERS

CASES = load()
SOUNDS = [case for case in CASES if case.sound and not case.silent]
QUIETEST_SPOKEN = Case("listening", "test", ("Yes, please.",), ("Yes, please.",), voice="anna", level_db=-8)


def share_outside(samples: Samples, low_hz: float, high_hz: float) -> float:
    """The part of the power that is not between two frequencies."""
    power = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    return float(power[(frequencies < low_hz) | (frequencies > high_hz)].sum() / power.sum())


def test_there_are_at_least_forty_cases_of_all_kinds() -> None:
    counts = Counter(case.kind for case in CASES)
    assert len(CASES) >= 40
    assert set(counts) == set(KINDS)
    assert len({case.name for case in CASES}) == len(CASES)
    assert {case.sound for case in SOUNDS} == set(sounds.SOUNDS) | {"single_cough"}


@pytest.mark.parametrize("name", sorted(sounds.SOUNDS))
def test_a_sound_is_the_same_from_the_same_seed_alone(name: str) -> None:
    assert (sounds.make(name, 1) == sounds.make(name, 1)).all()
    if name != "music":
        assert not np.array_equal(sounds.make(name, 1), sounds.make(name, 2))


@pytest.mark.parametrize("case", SOUNDS, ids=lambda case: case.name)
def test_a_sound_comes_out_of_a_telephone_and_says_that_it_has_no_words(case: Case) -> None:
    made = clips.sound(case)
    assert share_outside(made, 250, 4_150) < 0.01
    assert np.abs(made.astype(np.int32)).max() > 500
    if len(made) >= SAMPLE_RATE // 10:
        assert read_mark(through_opus(np.pad(made, SAMPLE_RATE), 24_000)) == NO_WORDS


def test_a_telephone_takes_away_what_is_outside_its_band() -> None:
    time_s = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    for hertz, passes in ((100, False), (1_000, True), (3_700, False), (6_000, False)):
        level = clips.level_db(clips.coded(clips.band(5_000 * np.sin(2 * np.pi * hertz * time_s))))
        assert (level > 0) == passes
        assert passes or level < -30


def test_a_telephone_keeps_the_length_and_the_place_of_a_sound() -> None:
    pulse = np.zeros(SAMPLE_RATE)
    pulse[8_000:8_400] = 8_000 * np.sin(2 * np.pi * 1_000 * np.arange(400) / SAMPLE_RATE)
    heard = clips.coded(clips.band(pulse))
    assert len(heard) == len(pulse)
    loud = np.flatnonzero(np.abs(heard.astype(np.int32)) > 2_000)
    assert loud[0] == pytest.approx(8_000, abs=32)
    assert loud[-1] == pytest.approx(8_400, abs=32)


def test_words_are_leveled_marked_and_kept(tmp_path: Path) -> None:
    speaker = Speaker()
    clip = clips.make(QUIETEST_SPOKEN, speaker, tmp_path)
    samples = clips.read(clip)
    assert clips.level_db(samples) == pytest.approx(-8, abs=1.5)
    assert read_mark(through_opus(samples, 24_000)) == code_of("Yes, please.")
    assert [words.text for words in clip.words] == ["Yes, please."]
    assert clip.words[0].seconds == pytest.approx(len(samples) / SAMPLE_RATE, abs=0.01)
    written = clip.path.stat().st_mtime_ns
    assert clips.make(QUIETEST_SPOKEN, speaker, tmp_path) == clip
    assert clip.path.stat().st_mtime_ns == written


def test_a_pause_is_put_between_the_stretches_of_a_sentence(tmp_path: Path) -> None:
    says = ("On the fourteenth", "of May.")
    case = Case("listening", "date", says, says, pauses_ms=(400,), voice="anna")
    clip = clips.make(case, Speaker(), tmp_path)
    samples = clips.read(clip)
    first_s, second_s = (words.seconds or 0.0 for words in clip.words)
    assert len(samples) / SAMPLE_RATE == pytest.approx(first_s + 0.4 + second_s, abs=0.01)
    assert [words.unfinished for words in clip.words] == [True, False]
    start = round(first_s * SAMPLE_RATE)
    assert not samples[start + 16 : start + 6_000].any()


def test_noise_under_words_is_as_loud_as_the_case_says(tmp_path: Path) -> None:
    clean = Case("listening", "clean", ("Yes, please.",), ("Yes, please.",), voice="anna")
    noisy = Case("listening", "noisy", ("Yes, please.",), ("Yes, please.",), voice="anna", noise_db=0)
    levels = [clips.level_db(clips.read(clips.make(case, Speaker(), tmp_path))) for case in (clean, noisy)]
    assert levels[1] > levels[0] + 0.5


def made(cases: list[Case]) -> dict[str, Clip]:
    return {case.name: Clip(Path(f"/clips/{case.name}.wav"), ()) for case in (QUESTION, *cases)}


def test_a_call_plays_its_cases_in_a_row_and_waits_as_their_kind_needs() -> None:
    cases = chosen(["keep-cough", "stop-wait", "listen-yes", "keep-nothing"])
    steps = parse_scenario(script("call", cases, made(cases))).caller.steps
    shape = [
        (Path(step.clip).stem, step.after_ms) if isinstance(step, Play) else type(step)
        for step in steps
        if isinstance(step, Play | WaitForReply | WaitForSilence)
    ]
    question = ("listen-question", None)
    assert shape == [
        WaitForReply,
        *(question, WaitForReply),
        *(question, ("keep-cough", 2000), WaitForSilence),
        *(question, ("stop-wait", 2000), WaitForReply),
        *(("listen-yes", None), WaitForReply),
    ]


def test_an_interruption_is_answered_as_one_and_the_question_by_the_long_answer() -> None:
    rules = parse_scenario(script("call", CASES, made(CASES))).agent.rules

    def answer(said: str) -> str | None:
        return next((rule.say for rule in rules if rule.matches(said)), None)

    question = " ".join(QUESTION.says)
    assert answer(question) == LONG_ANSWER
    assert answer(f"Mhm. {question}") == LONG_ANSWER
    assert answer(f"{question} Hold on.") == SHORT_ANSWER


def test_the_cases_are_spread_evenly_over_the_calls() -> None:
    split = groups(CASES, 3)
    assert sorted(case.name for group in split for case in group) == sorted(case.name for case in CASES)
    for kind in KINDS:
        counts = [sum(case.kind == kind for case in group) for group in split]
        assert max(counts) - min(counts) <= 1
    assert groups(CASES[:2], 3) == [[CASES[0]], [CASES[1]]]


def test_the_answers_differ_enough_to_be_told_apart() -> None:
    answers = Answers.spoken()
    assert answers.long_s > 8
    assert answers.short_s < 3


def test_every_turn_policy_has_a_number_of_its_own() -> None:
    from agents.choices import TurnPolicy

    assert list(TURN_NUMBERS) == TurnPolicy.values
    assert not set(TURN_NUMBERS.values()) & set(NUMBERS.values())


def test_a_case_that_does_not_exist_is_named() -> None:
    with pytest.raises(ToolError, match="--cases: 'keep-calm' does not exist: use names of keep-babble"):
        chosen(["keep-calm"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("listening: {a: {says: Hi., voice: bob}}", "listening.a.voice: 'bob' is not one of joe"),
        ("listening: {a: {voice: joe}}", "listening.a: must have either 'says' or 'sound'"),
        ("no_interruption: {a: {sound: bang}}", "no_interruption.a.sound: 'bang' is not one of nothing, cough"),
        ("listening: {a: {sound: cough}}", "listening.a.sound: is for no_interruption only"),
        ("listening: {a: {says: [Hi., 300], voice: joe}}", "listening.a.says: must end with words"),
        ("listening: {a: {says: [Hi., Ho.], voice: joe}}", "listening.a.says: must be words, or a list"),
        ("listening: {a: {says: Hi., voice: joe, noise_db: loud}}", "listening.a.noise_db: must be a number"),
        ("listening: {a: {says: Hi., voice: joe}, b: {says: Hi., voice: joe}}", "'Hi.' is said twice"),
        ("waiting: {}", "unknown field 'waiting': use one of interruption"),
    ],
)
def test_a_wrong_case_is_named_with_its_field_and_the_cure(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "cases.yaml"
    file.write_text(text)
    with pytest.raises(ToolError) as caught:
        load(file)
    assert str(caught.value).startswith("cases.yaml: ")
    assert message in str(caught.value)


def test_all_policies_and_cases_run_unless_some_are_chosen() -> None:
    every = _parser().parse_args(["turns"])
    assert (every.policies, every.cases, every.profile) == (list(TURN_NUMBERS), None, "published")
    some = _parser().parse_args(["turns", "--policies", "eager", "--cases", "stop-wait,keep-cough"])
    assert (some.policies, some.cases) == (["eager"], ["stop-wait", "keep-cough"])


def test_a_policy_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _parser().parse_args(["turns", "--policies", "patient"])
    assert "'patient' is not one of eager, smart_turn" in capsys.readouterr().err
