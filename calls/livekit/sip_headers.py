"""The numbers of a telephone call, as LiveKit's SIP service reports them: in the headers of its INVITE.

LiveKit is configured to hide numbers: it would write them into the caller's identity and the room's name, and so into
its logs, which an erasure does not reach. The headers From and To come as attributes of the participant instead.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote

FROM, TO = "callcenter.from", "callcenter.to"
HEADERS_TO_ATTRIBUTES = {"From": FROM, "To": TO}
"""For LiveKit's inbound trunks."""
MAX_LENGTH = 512

# RFC 3261, 25.1: name-addr is a display name and an address in angle brackets, addr-spec the address alone.
_IN_BRACKETS = re.compile(r"<\s*(?:sips?|tel):([^@;>\s]*)[^<>]*>[^<>]*$", re.IGNORECASE)
_ALONE = re.compile(r"^\s*(?:sips?|tel):([^@;>\s]*)", re.IGNORECASE)


def caller_number(attributes: Mapping[str, str]) -> str:
    """Who calls, as it came in; empty if it is not reported. LiveKit's own attribute where numbers are not hidden."""
    return attributes.get("sip.phoneNumber") or user(attributes.get(FROM, ""))


def called_number(attributes: Mapping[str, str]) -> str:
    """Which number was called, as it came in; empty if it is not reported."""
    return attributes.get("sip.trunkPhoneNumber") or user(attributes.get(TO, ""))


def user(header: str) -> str:
    """The user of the address in a header From or To: `"Ann" <sip:+12025550123@192.0.2.1>;tag=1` has +12025550123.

    Empty, too, for what no telephone shows, such as a NUL, and for a header of more than MAX_LENGTH characters, in
    which a search takes quadratic time.
    """
    if len(header) > MAX_LENGTH:
        return ""
    found = _IN_BRACKETS.search(header) or _ALONE.match(header)
    text = unquote(found.group(1)) if found else ""
    return text if text.isprintable() else ""
