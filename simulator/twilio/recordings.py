"""The part of Twilio's API that has calls and their recordings, for simulator.twilio.api.

Protocol: twilio.com/docs/voice/api/call-resource and recording, as the twilio package 9.13 reads it.
"""

import io
import wave
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import numpy as np
from aiohttp import web

from simulator.twilio.api import error, page

_ACCOUNT_PATH = "/2010-04-01/Accounts/{account_sid}"


@dataclass(frozen=True)
class RecordedCall:
    """A call and its recording, a WAV file. Numbers are E.164; `at` is when call and recording began (aware).

    `status` is one of Twilio's: only a recording that is `completed` has media.
    """

    sid: str
    recording_sid: str
    from_number: str
    to_number: str
    at: datetime
    wav: bytes
    status: str = "completed"

    @property
    def channels(self) -> int:
        """Channels of the WAV file."""
        with wave.open(io.BytesIO(self.wav)) as file:
            return int(file.getnchannels())

    @property
    def seconds(self) -> int:
        """Whole seconds of the WAV file."""
        with wave.open(io.BytesIO(self.wav)) as file:
            return int(file.getnframes() // file.getframerate())


@dataclass
class RecordedCalls:
    """The calls of an account, newest first, as Twilio lists them."""

    calls: list[RecordedCall] = field(default_factory=list)

    def add(
        self, from_number: str, to_number: str, at: datetime, wav: bytes, status: str = "completed"
    ) -> RecordedCall:
        """Add a call with its recording, and return it."""
        number = len(self.calls) + 1
        sids = (f"CA{number:032x}", f"RE{number:032x}")
        call = RecordedCall(*sids, from_number, to_number, at.astimezone(UTC), wav, status)
        self.calls.append(call)
        self.calls.sort(key=lambda each: each.at, reverse=True)
        return call

    def routes(self) -> list[web.RouteDef]:
        """The pages that list calls and recordings, and the recordings' media."""
        return [
            web.get(f"{_ACCOUNT_PATH}/Calls.json", self._list_calls),
            web.get(f"{_ACCOUNT_PATH}/Recordings.json", self._list_recordings),
            web.get(f"{_ACCOUNT_PATH}/Recordings/{{sid}}.wav", self._media),
        ]

    async def _list_calls(self, request: web.Request) -> web.Response:
        to_number, from_number = request.query.get("To"), request.query.get("From")
        found = [
            _call_document(call, request)
            for call in _in_range(self.calls, request, "StartTime")
            if to_number in (None, call.to_number) and from_number in (None, call.from_number)
        ]
        return page(request, "calls", found)

    async def _list_recordings(self, request: web.Request) -> web.Response:
        call_sid = request.query.get("CallSid")
        found = [
            _recording_document(call, request)
            for call in _in_range(self.calls, request, "DateCreated")
            if call_sid in (None, call.sid)
        ]
        return page(request, "recordings", found)

    async def _media(self, request: web.Request) -> web.Response:
        """The WAV file. Twilio keeps both channels; without RequestedChannels it gives one, mixed, on most accounts."""
        sid, wanted = request.match_info["sid"], request.query.get("RequestedChannels", "1")
        call = next((call for call in self.calls if call.recording_sid == sid), None)
        if call is None or call.status != "completed":
            return error(404, 20404, f"The requested resource {request.path} was not found")
        if int(wanted) > call.channels:
            return error(400, 21220, "Recording does not have the requested number of channels")
        body = call.wav if int(wanted) == call.channels else _mixed(call.wav)
        return web.Response(body=body, content_type="audio/x-wav")


def _in_range(calls: Iterable[RecordedCall], request: web.Request, name: str) -> list[RecordedCall]:
    """Those from `name`> to `name`<, both included: dates, or times with a Z."""
    since, until = (request.query.get(f"{name}{sign}") for sign in "><")
    return [
        call
        for call in calls
        if (since is None or call.at >= _moment(since)) and (until is None or call.at <= _moment(until))
    ]


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _call_document(call: RecordedCall, request: web.Request) -> dict[str, Any]:
    account_sid = request.match_info["account_sid"]
    return {
        "sid": call.sid,
        "account_sid": account_sid,
        "api_version": "2010-04-01",
        "date_created": format_datetime(call.at),
        "date_updated": format_datetime(call.at),
        "start_time": format_datetime(call.at),
        "end_time": None,
        "duration": str(call.seconds),
        "direction": "trunking-originating",
        "from": call.from_number,
        "to": call.to_number,
        "status": "completed",
        "uri": f"/2010-04-01/Accounts/{account_sid}/Calls/{call.sid}.json",
    }


def _recording_document(call: RecordedCall, request: web.Request) -> dict[str, Any]:
    account_sid = request.match_info["account_sid"]
    path = f"/2010-04-01/Accounts/{account_sid}/Recordings/{call.recording_sid}"
    return {
        "sid": call.recording_sid,
        "account_sid": account_sid,
        "api_version": "2010-04-01",
        "call_sid": call.sid,
        "conference_sid": None,
        "channels": call.channels,
        "date_created": format_datetime(call.at),
        "date_updated": format_datetime(call.at),
        "start_time": format_datetime(call.at),
        "duration": str(call.seconds),
        "encryption_details": None,
        "error_code": None,
        "media_url": f"{request.url.origin()}{path}",
        "price": None,
        "price_unit": "USD",
        "source": "Trunking",
        "status": call.status,
        "subresource_uris": {},
        "uri": f"{path}.json",
    }


def _mixed(wav: bytes) -> bytes:
    """One channel of a 16-bit WAV file: the mean of all."""
    with wave.open(io.BytesIO(wav)) as file:
        channels, rate = file.getnchannels(), file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, channels)
    mono = io.BytesIO()
    with wave.open(mono, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.mean(axis=1).astype("<i2").tobytes())
    return mono.getvalue()
