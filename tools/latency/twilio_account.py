"""Recordings of a Twilio account: found by date and number, page by page, and kept on disk once they were fetched."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client
from urllib3.util import Retry

from tools.errors import ToolError

PAGE_SIZE = 200
_TIMEOUT_S = 30.0
_TRIES = 5
_PAUSE_S = 0.5
"""Before the second try; doubled before each further one. Twilio's own Retry-After goes before it."""

_WORTH_ANOTHER_TRY = (429, 500, 502, 503, 504)
_CHUNK = 1 << 16


@dataclass(frozen=True)
class AccountRecording:
    """A recording in the account. `to_number` is the called number, if the calls were asked for a number.

    `reason` says why it cannot be analyzed, and is empty if it can.
    """

    sid: str
    call_sid: str
    created_at: datetime
    uri: str
    to_number: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Wanted:
    """Which recordings: those of the days from `since` to `until` (UTC, both included), the newest `limit` of them.

    With a `number` (E.164), only those of calls to or from it.
    """

    since: date
    until: date
    number: str = ""
    limit: int | None = None

    @property
    def first(self) -> datetime:
        """The first moment."""
        return datetime.combine(self.since, time_of_day.min, UTC)

    @property
    def last(self) -> datetime:
        """The last second."""
        return datetime.combine(self.until, time_of_day(23, 59, 59), UTC)


class TwilioAccount:
    """A Twilio account, by its REST API. Errors of the network and Twilio's own are tried again before they count."""

    def __init__(self, sid: str, auth_token: str, base_url: str = "") -> None:
        """`base_url` is another address than Twilio's, such as http://127.0.0.1:9000. Raises ToolError."""
        for name, value in (("TWILIO_ACCOUNT_SID", sid), ("TWILIO_AUTH_TOKEN", auth_token)):
            if not value:
                raise ToolError(f"{name} is empty: set it in the environment or in .env, or name recordings")
        self._auth = (sid, auth_token)
        self._http = TwilioHttpClient(timeout=_TIMEOUT_S)
        retry = Retry(
            total=_TRIES - 1,
            backoff_factor=_PAUSE_S,
            status_forcelist=_WORTH_ANOTHER_TRY,
            allowed_methods=("GET",),
            raise_on_status=False,
        )
        for scheme in ("https://", "http://"):
            self._http.session.mount(scheme, HTTPAdapter(max_retries=retry))
        self._client = Client(sid, auth_token, http_client=self._http)
        if base_url:
            self._client.api.base_url = base_url
        self._where = self._client.api.base_url

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "TwilioAccount":
        """The account of TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, at TWILIO_BASE_URL if set. Raises ToolError."""
        names = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_BASE_URL")
        return cls(*(environment.get(name, "") for name in names))

    def recordings(self, wanted: Wanted) -> list[AccountRecording]:
        """The recordings, newest first. Raises ToolError."""

        def listed() -> list[AccountRecording]:
            numbers = self._called_numbers(wanted) if wanted.number else {}
            found = []
            for each in self._client.recordings.stream(
                date_created_after=wanted.first, date_created_before=wanted.last, page_size=PAGE_SIZE
            ):
                if wanted.number and each.call_sid not in numbers:
                    continue
                found.append(_recording(each, numbers.get(each.call_sid, "")))
                if len(found) == wanted.limit:
                    break
            return found

        return self._asked(listed)

    def download(self, recording: AccountRecording, folder: Path) -> Path:
        """The path of its WAV file with both channels, fetched if it is not in `folder`. Raises ToolError."""
        path = folder / f"{recording.sid}.wav"
        if not path.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            self._asked(lambda: self._fetch(recording, part))
            part.replace(path)
        return path

    def _called_numbers(self, wanted: Wanted) -> dict[str, str]:
        """Which number was called, by the SID of each call to or from the wanted number."""
        # A call begins before its recording, at most a day.
        times = {"start_time_after": wanted.first - timedelta(days=1), "start_time_before": wanted.last}
        calls: list[Any] = []
        for direction in ("to", "from_"):
            calls += self._client.calls.stream(**{direction: wanted.number}, **times, page_size=PAGE_SIZE)
        return {call.sid: call.to for call in calls}

    def _fetch(self, recording: AccountRecording, path: Path) -> None:
        url = self._client.api.absolute_url(recording.uri.removesuffix(".json") + ".wav")
        for number in range(1, _TRIES + 1):
            try:
                return self._fetch_once(url, path)
            # Retry covers what comes before the body; a connection can also break within it.
            except requests.exceptions.ChunkedEncodingError:
                if number == _TRIES:
                    raise
                time.sleep(_PAUSE_S * 2 ** (number - 1))
        return None

    def _fetch_once(self, url: str, path: Path) -> None:
        session, both = self._http.session, {"RequestedChannels": "2"}
        with session.get(url, params=both, auth=self._auth, timeout=_TIMEOUT_S, stream=True) as response:
            if response.status_code != 200:
                raise TwilioRestException(response.status_code, url, response.reason)
            with path.open("wb") as file:
                for chunk in response.iter_content(_CHUNK):
                    file.write(chunk)

    def _asked[T](self, request: Callable[[], T]) -> T:
        """The request's answer, with the errors of three libraries made into one line."""
        try:
            return request()
        except TwilioException as error:
            raise ToolError(_explained(error, self._where)) from error
        except requests.RequestException as error:
            reason = type(error).__name__
            raise ToolError(f"cannot reach Twilio at {self._where} ({reason}): check the network") from error


def _recording(listed: Any, to_number: str) -> AccountRecording:
    if listed.status != "completed":
        reason = f"is {listed.status} at Twilio: only completed recordings have sound"
    elif listed.channels != 2:
        reason = "has 1 channel, so caller and agent cannot be told apart: let the trunk record dual-channel"
    else:
        reason = ""
    return AccountRecording(listed.sid, listed.call_sid, listed.date_created, listed.uri, to_number, reason)


def _explained(error: TwilioException, where: str) -> str:
    """Why Twilio refused. A page's error has the answer as its second argument, others the status."""
    answer = error.args[1] if len(error.args) > 1 else None
    status = getattr(error, "status", None) or getattr(answer, "status_code", None)
    if status == 401:
        return f"Twilio at {where} refuses the account: check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
    if status == 404:
        return f"Twilio at {where} does not have it (404): it was deleted, or TWILIO_ACCOUNT_SID is another account's"
    if status == 429:
        return f"Twilio at {where} still says that there are too many requests (429): try again later"
    return f"Twilio at {where} answers {status or str(error)}: try again, and look at status.twilio.com"
