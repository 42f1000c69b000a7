"""The part of Twilio's API that has SIP trunks, credentials and numbers, for simulator.twilio.api.

Protocol: twilio.com/docs/sip-trunking/api and twilio.com/docs/voice/sip/api, as the twilio package 9.13 reads them.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from simulator.twilio.api import error, page

_ACCOUNT_PATH = "/2010-04-01/Accounts/{account_sid}"
_TRUNK_PATH = "/v1/Trunks/{trunk_sid}"
_DATES = {"date_created": "2026-11-01T12:00:00Z", "date_updated": "2026-11-01T12:00:00Z"}
_OLD_DATES = dict.fromkeys(_DATES, "Sun, 01 Nov 2026 12:00:00 +0000")

type Document = dict[str, Any]


@dataclass
class Trunk:
    """A trunk: its own fields, and the SIDs of what belongs to it."""

    fields: Document
    origination_urls: list[Document] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    credential_lists: list[str] = field(default_factory=list)


@dataclass
class CredentialList:
    """A list of credentials, with the passwords that Twilio never shows again."""

    fields: Document
    credentials: list[Document] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)


@dataclass
class Trunks:
    """The trunks of an account and what they need. `numbers` are E.164 with their SIDs."""

    trunks: dict[str, Trunk] = field(default_factory=dict)
    credential_lists: dict[str, CredentialList] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)

    def buy(self, number: str) -> str:
        """Add a number to the account, and return its SID."""
        self.numbers[number] = sid = _sid("PN")
        return sid

    def routes(self) -> list[web.RouteDef]:
        """Everything that is listed, made and changed here."""
        lists, credentials = f"{_ACCOUNT_PATH}/SIP/CredentialLists", "/{list_sid}/Credentials"
        return [
            web.get(f"{_ACCOUNT_PATH}.json", self._account),
            web.get(f"{_ACCOUNT_PATH}/IncomingPhoneNumbers.json", self._list_numbers),
            web.get("/v1/Trunks", self._list_trunks),
            web.post("/v1/Trunks", self._create_trunk),
            web.post(_TRUNK_PATH, self._of_trunk(self._update_trunk)),
            web.get(f"{_TRUNK_PATH}/OriginationUrls", self._of_trunk(self._list_urls)),
            web.post(f"{_TRUNK_PATH}/OriginationUrls", self._of_trunk(self._create_url)),
            web.post(f"{_TRUNK_PATH}/OriginationUrls/{{sid}}", self._of_trunk(self._update_url)),
            web.get(f"{_TRUNK_PATH}/PhoneNumbers", self._of_trunk(self._list_trunk_numbers)),
            web.post(f"{_TRUNK_PATH}/PhoneNumbers", self._of_trunk(self._add_number)),
            web.get(f"{_TRUNK_PATH}/CredentialLists", self._of_trunk(self._list_trunk_lists)),
            web.post(f"{_TRUNK_PATH}/CredentialLists", self._of_trunk(self._add_list)),
            web.get(f"{lists}.json", self._list_lists),
            web.post(f"{lists}.json", self._create_list),
            web.get(f"{lists}{credentials}.json", self._list_credentials),
            web.post(f"{lists}{credentials}.json", self._create_credential),
            web.post(f"{lists}{credentials}/{{sid}}.json", self._update_credential),
        ]

    # --- The account and its numbers ----------------------------------------------------------------------------------

    async def _account(self, request: web.Request) -> web.Response:
        sid = request.match_info["account_sid"]
        return web.json_response(
            {"sid": sid, "friendly_name": "Test", "status": "active", "type": "Full", **_OLD_DATES}
        )

    async def _list_numbers(self, request: web.Request) -> web.Response:
        wanted = request.query.get("PhoneNumber")
        found = [_number(sid, number) for number, sid in self.numbers.items() if wanted in (None, number)]
        return page(request, "incoming_phone_numbers", found)

    # --- Trunks -------------------------------------------------------------------------------------------------------

    def _of_trunk(self, handle: Any) -> Handler:
        """A handler that gets its trunk and the form; 404 when there is no such trunk."""

        async def handler(request: web.Request) -> web.StreamResponse:
            trunk = self.trunks.get(request.match_info["trunk_sid"])
            if trunk is None:
                return _missing(request)
            response: web.StreamResponse = handle(request, trunk, await _form(request))
            return response

        return handler

    async def _list_trunks(self, request: web.Request) -> web.Response:
        return _new_page(request, "trunks", [trunk.fields for trunk in self.trunks.values()])

    async def _create_trunk(self, request: web.Request) -> web.Response:
        sid = _sid("TK")
        fields: Document = {
            "sid": sid,
            **dict.fromkeys(("friendly_name", "domain_name", "disaster_recovery_url", "disaster_recovery_method")),
            "secure": False,
            "transfer_mode": "disable-all",
            "recording": {"mode": "do-not-record", "trim": "do-not-trim"},
            **_DATES,
        }
        refusal = self._set(fields, await _form(request))
        if refusal is not None:
            return refusal
        self.trunks[sid] = Trunk(fields)
        return web.json_response(fields, status=201)

    def _update_trunk(self, _request: web.Request, trunk: Trunk, form: Document) -> web.Response:
        return self._set(trunk.fields, form) or web.json_response(trunk.fields)

    def _set(self, fields: Document, form: Document) -> web.Response | None:
        domain = form.get("domain_name")
        taken = {trunk.fields["domain_name"] for trunk in self.trunks.values() if trunk.fields is not fields}
        if domain and not domain.endswith(".pstn.twilio.com"):
            return error(400, 20001, "Domain name must end with pstn.twilio.com")
        if domain and domain in taken:
            return error(400, 20001, "Domain name is already in use")
        fields.update(form)
        return None

    def _list_urls(self, request: web.Request, trunk: Trunk, _form: Document) -> web.Response:
        return _new_page(request, "origination_urls", trunk.origination_urls)

    def _create_url(self, _request: web.Request, trunk: Trunk, form: Document) -> web.Response:
        if not str(form.get("sip_url", "")).startswith("sip"):
            return error(400, 20001, "The SIP URL is not valid")
        fields = {"sid": _sid("OU"), "trunk_sid": trunk.fields["sid"], **_DATES, **_typed(form)}
        trunk.origination_urls.append(fields)
        return web.json_response(fields, status=201)

    def _update_url(self, request: web.Request, trunk: Trunk, form: Document) -> web.Response:
        found = next((url for url in trunk.origination_urls if url["sid"] == request.match_info["sid"]), None)
        if found is None:
            return _missing(request)
        found.update(_typed(form))
        return web.json_response(found)

    def _list_trunk_numbers(self, request: web.Request, trunk: Trunk, _form: Document) -> web.Response:
        numbers = [_number(sid, number) for number, sid in self.numbers.items() if sid in trunk.numbers]
        return _new_page(request, "phone_numbers", numbers)

    def _add_number(self, request: web.Request, trunk: Trunk, form: Document) -> web.Response:
        owned = {sid: number for number, sid in self.numbers.items()}
        sid = str(form.get("phone_number_sid"))
        if sid not in owned:
            return _missing(request)
        trunk.numbers.append(sid)
        return web.json_response(_number(sid, owned[sid]), status=201)

    def _list_trunk_lists(self, request: web.Request, trunk: Trunk, _form: Document) -> web.Response:
        attached = [self.credential_lists[sid].fields for sid in trunk.credential_lists]
        return _new_page(request, "credential_lists", attached)

    def _add_list(self, request: web.Request, trunk: Trunk, form: Document) -> web.Response:
        found = self.credential_lists.get(str(form.get("credential_list_sid")))
        if found is None:
            return _missing(request)
        trunk.credential_lists.append(found.fields["sid"])
        return web.json_response(found.fields, status=201)

    # --- Credentials --------------------------------------------------------------------------------------------------

    async def _list_lists(self, request: web.Request) -> web.Response:
        return page(request, "credential_lists", [each.fields for each in self.credential_lists.values()])

    async def _create_list(self, request: web.Request) -> web.Response:
        fields = {"sid": _sid("CL"), **_OLD_DATES, **await _form(request)}
        self.credential_lists[fields["sid"]] = CredentialList(fields)
        return web.json_response(fields, status=201)

    async def _list_credentials(self, request: web.Request) -> web.Response:
        found = self.credential_lists.get(request.match_info["list_sid"])
        return page(request, "credentials", found.credentials) if found else _missing(request)

    async def _create_credential(self, request: web.Request) -> web.Response:
        found, form = self.credential_lists.get(request.match_info["list_sid"]), await _form(request)
        if found is None:
            return _missing(request)
        credential = {"sid": _sid("CR"), "credential_list_sid": found.fields["sid"], **_OLD_DATES}
        credential["username"] = form["username"]
        found.credentials.append(credential)
        found.passwords[form["username"]] = form["password"]
        return web.json_response(credential, status=201)

    async def _update_credential(self, request: web.Request) -> web.Response:
        found, form = self.credential_lists.get(request.match_info["list_sid"]), await _form(request)
        credentials = found.credentials if found else []
        credential = next((each for each in credentials if each["sid"] == request.match_info["sid"]), None)
        if found is None or credential is None:
            return _missing(request)
        found.passwords[credential["username"]] = form["password"]
        return web.json_response(credential)


def _sid(kind: str) -> str:
    return f"{kind}{secrets.token_hex(16)}"


def _number(sid: str, number: str) -> Document:
    return {"sid": sid, "phone_number": number, "friendly_name": number, **_OLD_DATES}


async def _form(request: web.Request) -> Document:
    """What was sent, by the names under which it is answered: `FriendlyName` is `friendly_name`."""
    names = {name: "".join(f"_{c.lower()}" if c.isupper() else c for c in name)[1:] for name in await request.post()}
    return {snake: str((await request.post())[name]) for name, snake in names.items()}


def _typed(form: Mapping[str, str]) -> Document:
    """An origination address: its form has text only."""
    numbers = {name: int(form[name]) for name in ("weight", "priority") if name in form}
    enabled = {"enabled": form["enabled"].lower() == "true"} if "enabled" in form else {}
    return {**form, **numbers, **enabled}


def _new_page(request: web.Request, key: str, items: Sequence[Document]) -> web.Response:
    """A page of the newer API, which has its addresses under `meta`."""
    size, number = int(request.query.get("PageSize", 50)), int(request.query.get("Page", 0))
    shown = items[number * size : (number + 1) * size]

    def url(page_number: int) -> str:
        return f"https://trunking.twilio.com{request.path}?PageSize={size}&Page={page_number}"

    meta = {
        "page": number,
        "page_size": size,
        "first_page_url": url(0),
        "previous_page_url": url(number - 1) if number else None,
        "next_page_url": url(number + 1) if (number + 1) * size < len(items) else None,
        "url": url(number),
        "key": key,
    }
    return web.json_response({key: list(shown), "meta": meta})


def _missing(request: web.Request) -> web.Response:
    return error(404, 20404, f"The requested resource {request.path} was not found")
