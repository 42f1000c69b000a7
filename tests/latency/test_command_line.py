"""The command line, from recordings to the files with the results."""

import asyncio
import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from simulator.speech.pcm import SAMPLE_RATE, trim_silence
from simulator.twilio.api import TwilioFault
from tests.latency.conftest import NUMBER, OTHER_NUMBER, SECONDS, Twilio
from tests.latency.studio import LONG, QUESTION, placed, spoken, write
from tools.latency.command_line import main
from tools.local import ROOT

PROGRAM = [sys.executable, "tools/latency/analyze_recordings.py"]
DAYS = ["--since", "2026-11-01", "--until", "2026-11-30"]


def results(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return content


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_file_is_analyzed_by_the_program_under_its_path(wav: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, str(wav), "--output", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "1 replies, p50 7" in done.stdout
    assert results(tmp_path)["overall"]["replies"]["p50_ms"] == pytest.approx(700, abs=20)
    (call,) = rows(tmp_path / "calls.csv")
    assert float(call["reply_p95_ms"]) == pytest.approx(700, abs=20)
    assert float(call["greeting_s"]) == pytest.approx(0.5, abs=0.02)
    assert float(call["duration_s"]) == SECONDS
    turns = rows(tmp_path / "turns.csv")
    assert [turn["speaker"] for turn in turns] == ["agent", "caller", "agent"]
    assert [bool(turn["reply_latency_ms"]) for turn in turns] == [False, False, True]


def test_the_timelines_are_a_picture_of_every_turn(wav: Path, tmp_path: Path) -> None:
    assert main([str(wav), "--output", str(tmp_path)]) == 0

    picture = ElementTree.parse(tmp_path / "timelines.svg").getroot()  # noqa: S314  written here
    titles = [title.text or "" for title in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert len([title for title in titles if title.startswith("agent: ")]) == 2
    assert len([title for title in titles if title.startswith("caller: ")]) == 1
    assert len([title for title in titles if title.startswith("dead air: ")]) >= 1


def test_interruptions_overlap_and_dead_air_are_found_by_ear(tmp_path: Path) -> None:
    """The agent is cut off 350 ms after the caller spoke up, and both are silent for 4 s at the end."""
    cut_off = trim_silence(spoken(LONG, "agent")[: 3 * SAMPLE_RATE])
    at_s = 0.5 + len(cut_off) / SAMPLE_RATE - 0.35
    seconds = at_s + len(spoken(QUESTION)) / SAMPLE_RATE + 4.0
    caller, agent = placed({at_s: spoken(QUESTION)}, seconds), placed({0.5: cut_off}, seconds)
    path = write(tmp_path / "cut.wav", caller, agent)
    assert main([str(path), "--output", str(tmp_path)]) == 0

    overall, (call,) = results(tmp_path)["overall"], results(tmp_path)["calls"]
    assert (overall["interruptions_by_caller"], overall["agent_yielded"]) == (1, 1)
    assert overall["agent_silent_after_p50_ms"] == pytest.approx(350, abs=20)
    assert overall["overlap_s"] == pytest.approx(0.35, abs=0.02)
    assert overall["longest_dead_air_s"] == pytest.approx(4.0, abs=0.02)
    assert call["dead_air"][0]["after"] == "caller"
    assert call["interruptions"][0]["at_s"] == pytest.approx(at_s, abs=0.02)


def test_a_name_that_looks_like_a_formula_or_markup_does_no_harm(wav: Path, tmp_path: Path) -> None:
    name = "=1+1<script>.wav"
    (tmp_path / name).write_bytes(wav.read_bytes())
    done = subprocess.run(
        [sys.executable, str(ROOT / PROGRAM[1]), name, "--output", "out"],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
    )

    assert done.returncode == 0
    assert rows(tmp_path / "out/calls.csv")[0]["name"] == f"'{name}"
    assert "<script>" not in (tmp_path / "out/timelines.svg").read_text()


def test_what_cannot_be_read_is_left_out_and_reported(
    wav: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.wav").write_bytes(b"no sound")

    assert main([str(wav), str(tmp_path / "broken.wav"), "--output", str(tmp_path / "out")]) == 1
    assert "broken.wav: cannot be read" in capsys.readouterr().out
    (left_out,) = results(tmp_path / "out")["left_out"]
    assert left_out["name"].endswith("broken.wav")


def test_nothing_to_analyze_is_an_error_of_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "gone.wav")]) == 2
    assert "gone.wav does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--since", "yesterday"], "'yesterday' is not a day: write it as 2026-11-22"),
        (["--number", "0100"], "'0100' is not a telephone number"),
        (["--limit", "0"], "'0' is not a number of at least 1"),
        (["--dead-air", "-1"], "'-1' is not a time"),
    ],
)
def test_an_argument_that_is_wrong_is_named(words: list[str], problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(words)
    assert problem in capsys.readouterr().err


def test_arguments_that_do_not_go_together_are_named(
    wav: Path, twilio: Twilio, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(wav), "--number", NUMBER]) == 2
    assert main(["--since", "2026-11-05", "--until", "2026-11-01"]) == 2
    said = capsys.readouterr().err
    assert "--number and --limit are for the Twilio account" in said
    assert "--until 2026-11-01 is before --since 2026-11-05" in said


async def test_an_accounts_recordings_are_analyzed(twilio: Twilio, wav: Path, tmp_path: Path) -> None:
    twilio.add(1, wav, to_number=OTHER_NUMBER)
    sids = [twilio.add(day, wav) for day in (2, 3)]
    unfinished = twilio.add(4, wav, status="processing")
    folders = ["--cache", str(tmp_path / "cache"), "--output", str(tmp_path)]

    assert await asyncio.to_thread(main, [*DAYS, "--number", NUMBER, *folders]) == 0
    content = results(tmp_path)
    assert [call["name"] for call in content["calls"]] == sids[::-1]
    assert content["calls"][0]["called_number"] == NUMBER
    assert content["calls"][0]["recorded_at"] == "2026-11-03T12:00:00+00:00"
    assert [each["name"] for each in content["left_out"]] == [unfinished]
    assert content["overall"]["replies"]["count"] == 2
    assert "+12025550123" not in (tmp_path / "results.json").read_text(), "the caller's number is nobody's business"


async def test_a_recording_that_cannot_be_fetched_does_not_stop_the_others(
    twilio: Twilio, wav: Path, tmp_path: Path
) -> None:
    lost, kept = (twilio.add(day, wav) for day in (1, 2))
    twilio.account.faults.append(TwilioFault(f"{lost}.wav", 404))
    folders = ["--cache", str(tmp_path / "cache"), "--output", str(tmp_path)]

    assert await asyncio.to_thread(main, [*DAYS, *folders]) == 1
    content = results(tmp_path)
    assert [call["name"] for call in content["calls"]] == [kept]
    assert [each["name"] for each in content["left_out"]] == [lost]


async def test_days_without_recordings_are_reported(twilio: Twilio, capsys: pytest.CaptureFixture[str]) -> None:
    assert await asyncio.to_thread(main, DAYS) == 2
    assert "no recordings from 2026-11-01 to 2026-11-30" in capsys.readouterr().err
