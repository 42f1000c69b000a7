"""Twilio's side of telephony: an Elastic SIP trunk between the account's numbers and LiveKit's SIP service.

Trunk, credential list and origination address are found again by their names, so the command is safe to repeat. It buys
nothing: numbers are bought in Twilio's console.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twilio.rest import Client

from calls.provisioning.changes import CannotProvision, Changes, differences
from calls.provisioning.twilio_client import ERRORS, refused

NAME = "callcenter"
DOMAIN_ENDING = ".pstn.twilio.com"
PASSWORD_MIN = 12  # characters, Twilio's own rule


@dataclass(frozen=True, slots=True)
class Trunk:
    """The desired state of the account.

    `sip_uri` is where callers go, `recovery_url` what Twilio asks when nobody answers there. Numbers are E.164. Without
    `domain` no calls come from us, and `username` and `password` are not needed.
    """

    sip_uri: str
    recovery_url: str
    numbers: Sequence[str]
    domain: str = ""
    username: str = ""
    password: str = field(default="", repr=False)

    def check(self) -> None:
        """Raise CannotProvision for what Twilio would refuse, or could not use."""
        if not self.sip_uri.startswith(("sip:", "sips:")):
            raise CannotProvision(
                "LIVEKIT_SIP_URI is not a SIP address: set it to sip: and the host of LiveKit's service."
            )
        if not self.recovery_url.startswith("https://"):
            raise CannotProvision("PUBLIC_BASE_URL is not https: Twilio asks it when LiveKit does not answer.")
        if not self.numbers:
            raise CannotProvision("There is no number: add an active one in the admin, or name one with --number.")
        if not self.domain:
            return
        if not self.domain.endswith(DOMAIN_ENDING) or self.domain == DOMAIN_ENDING:
            raise CannotProvision(f"TWILIO_SIP_DOMAIN is {self.domain}: it must be a name followed by {DOMAIN_ENDING}.")
        kinds = (str.isupper, str.islower, str.isdigit)
        if len(self.password) < PASSWORD_MIN or not all(any(map(kind, self.password)) for kind in kinds):
            raise CannotProvision(
                f"TWILIO_SIP_PASSWORD is too simple: use {PASSWORD_MIN} characters or more, with uppercase and "
                "lowercase letters and a digit."
            )


def provision(twilio: Client, wanted: Trunk, changes: Changes, *, set_password: bool = False) -> None:
    """Create or update the trunk and what belongs to it. Raises CannotProvision.

    A password cannot be read back; with `set_password` it is set although there is one.
    """
    wanted.check()
    try:
        owned = _owned(twilio, wanted.numbers)
        trunk = _trunk(twilio, wanted, changes)
        _origination(trunk, wanted, changes)
        if wanted.domain:
            list_sid = _credentials(twilio, wanted, changes, set_password=set_password)
            _credential_list(trunk, list_sid, changes)
        _numbers(trunk, owned, changes)
    except ERRORS as error:
        raise CannotProvision(refused(error)) from error


def _owned(twilio: Client, numbers: Sequence[str]) -> dict[str, str]:
    """The SID of each number, which the account must have."""
    owned = {}
    for number in numbers:
        found = twilio.incoming_phone_numbers.list(phone_number=number)
        if not found:
            raise CannotProvision(
                f"{number} is not in the Twilio account: buy it there, or deactivate it in the admin, or name others "
                "with --number."
            )
        owned[number] = str(found[0].sid)
    return owned


def _trunk(twilio: Client, wanted: Trunk, changes: Changes) -> Any:
    fields: dict[str, Any] = {
        "disaster_recovery_url": wanted.recovery_url,
        "disaster_recovery_method": "POST",
        "transfer_mode": "enable-all",  # callers whom a persona hands on are transferred by SIP REFER
    }
    if wanted.domain:
        fields["domain_name"] = wanted.domain
    trunks = twilio.trunking.v1.trunks
    found = next((trunk for trunk in trunks.list() if trunk.friendly_name == NAME), None)
    if found is None:
        return trunks.create(friendly_name=NAME, **fields) if changes.create(f"trunk {NAME}") else None
    if changes.update(f"trunk {NAME}", _differ(found, fields)):
        found.update(**fields)
    return found


def _origination(trunk: Any, wanted: Trunk, changes: Changes) -> None:
    fields = {"sip_url": wanted.sip_uri, "enabled": True, "weight": 10, "priority": 10}
    urls = trunk.origination_urls.list() if trunk else []
    found = next((url for url in urls if url.friendly_name == NAME), None)
    if found is None:
        if changes.create(f"origination address {wanted.sip_uri}"):
            trunk.origination_urls.create(friendly_name=NAME, **fields)
    elif changes.update(f"origination address {NAME}", _differ(found, fields)):
        found.update(**fields)


def _credentials(twilio: Client, wanted: Trunk, changes: Changes, *, set_password: bool) -> str:
    """The SID of the credential list; empty when it was only planned."""
    lists = twilio.sip.credential_lists
    found = next((item for item in lists.list() if item.friendly_name == NAME), None)
    if found is None:
        found = lists.create(NAME) if changes.create(f"credential list {NAME}") else None
    else:
        changes.update(f"credential list {NAME}", {})
    credentials = found.credentials.list() if found else []
    credential = next((item for item in credentials if item.username == wanted.username), None)
    if credential is None:
        if changes.create(f"credential {wanted.username}") and found:
            found.credentials.create(username=wanted.username, password=wanted.password)
    elif changes.update(f"credential {wanted.username}", {"password": "set"} if set_password else {}):
        credential.update(password=wanted.password)
    return str(found.sid) if found else ""


def _credential_list(trunk: Any, list_sid: str, changes: Changes) -> None:
    attached = {item.sid for item in trunk.credentials_lists.list()} if trunk else set()
    if list_sid and list_sid in attached:
        changes.update(f"credential list {NAME} at the trunk", {})
    elif changes.create(f"credential list {NAME} at the trunk"):
        trunk.credentials_lists.create(credential_list_sid=list_sid)


def _numbers(trunk: Any, owned: Mapping[str, str], changes: Changes) -> None:
    attached = {item.sid for item in trunk.phone_numbers.list()} if trunk else set()
    for number, sid in owned.items():
        if sid in attached:
            changes.update(f"number {number}", {})
        elif changes.create(f"number {number} at the trunk"):
            trunk.phone_numbers.create(phone_number_sid=sid)


def _differ(found: Any, fields: Mapping[str, Any]) -> dict[str, str]:
    return differences({name: getattr(found, name) for name in fields}, fields)
