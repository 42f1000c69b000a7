"""The recordings of an account, by Twilio's own client, from a stand-in that speaks its protocol."""

import asyncio
import filecmp
import os
from datetime import date
from pathlib import Path

import pytest

from simulator.twilio.api import TwilioFault
from tests.latency.conftest import NUMBER, OTHER_NUMBER, Twilio
from tests.latency.studio import write
from tools.errors import ToolError
from tools.latency import twilio_account
from tools.latency.recordings import read_recording
from tools.latency.twilio_account import AccountRecording, TwilioAccount, Wanted

NOVEMBER = Wanted(date(2026, 11, 1), date(2026, 11, 30))


async def listed(wanted: Wanted) -> list[AccountRecording]:
    return await asyncio.to_thread(lambda: TwilioAccount.from_environment().recordings(wanted))


async def fetched(recording: AccountRecording, folder: Path) -> Path:
    return await asyncio.to_thread(lambda: TwilioAccount.from_environment().download(recording, folder))


async def test_recordings_come_page_by_page_newest_first(
    twilio: Twilio, wav: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio_account, "PAGE_SIZE", 2)
    sids = [twilio.add(day, wav) for day in range(1, 6)]

    assert [each.sid for each in await listed(NOVEMBER)] == sids[::-1]
    assert len([request for request in twilio.account.requests if "/Recordings.json" in request]) == 3


async def test_both_days_of_the_range_are_included(twilio: Twilio, wav: Path) -> None:
    sids = [twilio.add(day, wav) for day in range(1, 6)]

    found = await listed(Wanted(date(2026, 11, 2), date(2026, 11, 4)))
    assert [each.sid for each in found] == [sids[3], sids[2], sids[1]]
    assert found[0].created_at.isoformat() == "2026-11-04T12:00:00+00:00"


async def test_only_the_calls_of_a_number_are_taken(twilio: Twilio, wav: Path) -> None:
    twilio.add(1, wav)
    other = twilio.add(2, wav, to_number=OTHER_NUMBER)

    (found,) = await listed(Wanted(NOVEMBER.since, NOVEMBER.until, OTHER_NUMBER))
    assert (found.sid, found.to_number) == (other, OTHER_NUMBER)


async def test_no_more_are_taken_than_wanted(twilio: Twilio, wav: Path) -> None:
    sids = [twilio.add(day, wav) for day in range(1, 6)]

    wanted = Wanted(NOVEMBER.since, NOVEMBER.until, NUMBER, limit=2)
    assert [each.sid for each in await listed(wanted)] == [sids[4], sids[3]]


async def test_what_cannot_be_analyzed_is_listed_with_the_reason(twilio: Twilio, wav: Path, tmp_path: Path) -> None:
    twilio.add(1, wav, status="processing")
    both = read_recording(wav)
    mono = write(tmp_path / "mono.wav", both.caller, both.agent, layout="mono")
    twilio.add(2, mono)

    mixed, unfinished = await listed(NOVEMBER)
    assert "has 1 channel" in mixed.reason
    assert "is processing at Twilio" in unfinished.reason


async def test_a_recording_is_fetched_with_both_channels_and_only_once(
    twilio: Twilio, wav: Path, tmp_path: Path
) -> None:
    twilio.add(1, wav)
    (recording,) = await listed(NOVEMBER)
    before = len(twilio.account.requests)

    path = await fetched(recording, tmp_path / "cache")
    assert await fetched(recording, tmp_path / "cache") == path
    assert filecmp.cmp(path, wav, shallow=False)
    assert len(twilio.account.requests) == before + 1
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "fault", [TwilioFault(".wav"), TwilioFault(".wav", 503), TwilioFault(".wav", 429, retry_after_s=1)]
)
async def test_a_download_that_fails_is_tried_again(
    twilio: Twilio, wav: Path, tmp_path: Path, fault: TwilioFault
) -> None:
    twilio.add(1, wav)
    (recording,) = await listed(NOVEMBER)
    twilio.account.faults.append(fault)

    path = await fetched(recording, tmp_path)
    assert filecmp.cmp(path, wav, shallow=False)
    assert twilio.account.faults == []


async def test_a_list_that_fails_is_tried_again(twilio: Twilio, wav: Path) -> None:
    twilio.add(1, wav)
    twilio.account.faults.append(TwilioFault("Recordings.json", 500))

    assert len(await listed(NOVEMBER)) == 1


async def test_a_fault_that_stays_is_reported_in_one_line(
    twilio: Twilio, wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio_account, "_PAUSE_S", 0.01)
    twilio.add(1, wav)
    (recording,) = await listed(NOVEMBER)
    twilio.account.faults += [TwilioFault(".wav", 503)] * 10

    with pytest.raises(ToolError, match="answers 503: try again"):
        await fetched(recording, tmp_path)
    assert len(twilio.account.faults) == 5
    assert ".wav" not in {Path(name).suffix for name in os.listdir(tmp_path)}


async def test_a_wrong_token_is_reported_as_such(twilio: Twilio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "wrong")

    with pytest.raises(ToolError, match="refuses the account: check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"):
        await listed(NOVEMBER)


async def test_a_recording_that_is_gone_is_reported_as_such(twilio: Twilio, wav: Path, tmp_path: Path) -> None:
    twilio.add(1, wav)
    (recording,) = await listed(NOVEMBER)
    twilio.calls.calls.clear()

    with pytest.raises(ToolError, match=r"does not have it \(404\)"):
        await fetched(recording, tmp_path)


async def test_an_address_where_nobody_answers_is_reported_as_such(
    twilio: Twilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio_account, "_PAUSE_S", 0.01)
    monkeypatch.setenv("TWILIO_BASE_URL", "http://127.0.0.1:1")

    with pytest.raises(ToolError, match="cannot reach Twilio at http://127.0.0.1:1"):
        await listed(NOVEMBER)


@pytest.mark.parametrize("name", ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"])
async def test_a_missing_credential_is_named(twilio: Twilio, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "")

    with pytest.raises(ToolError, match=f"{name} is empty"):
        TwilioAccount.from_environment()
