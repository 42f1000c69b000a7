"""What a request's headers may say, before anything else parses them.

Python's parsers of Content-Type and Cookie take quadratic time, and Django has them run on the event loop: 60 KB of
semicolons stop everybody for seconds. And a Content-Type may name any of Python's encodings, for its parameters and for
the body: punycode, which takes quadratic time, or one that does not exist, which raises.
"""

import re
from collections.abc import Collection

HEADERS_BYTES = 16 * 1024  # names and values of all together
CONTENT_TYPE_BYTES = 200
COOKIE_BYTES = 8 * 1024  # together; browsers keep up to 4 KiB in each, and ours are two of less than 100 bytes

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# RFC 9110, 8.3, with the two parameters that bodies here can have. A boundary: RFC 2046, 5.1.1, but for blanks.
_PARAMETER = rb"""charset=(?:utf-8|"utf-8")|boundary="?[0-9A-Za-z'()+_,./:=?-]{1,70}"?"""
_CONTENT_TYPE = re.compile(rb"%b/%b(?:[ \t]*;[ \t]*(?:%b))*[ \t]*;?" % (_TOKEN, _TOKEN, _PARAMETER), re.IGNORECASE)


def problem(headers: Collection[tuple[bytes, bytes]]) -> str:
    """Why these headers, their names in lower case, are refused; empty if they are not."""
    types = [value for name, value in headers if name == b"content-type"]
    if types and not (len(types) == 1 and _is_content_type(types[0])):
        return "Content-Type: write one type, such as application/json, with no parameter but charset=utf-8 or boundary"
    if sum(len(value) for name, value in headers if name == b"cookie") > COOKIE_BYTES:
        return f"Cookie: more than {COOKIE_BYTES} bytes; delete this site's cookies"
    if sum(len(name) + len(value) for name, value in headers) > HEADERS_BYTES:
        return f"headers: more than {HEADERS_BYTES} bytes"
    return ""


def _is_content_type(value: bytes) -> bool:
    return value == b"" or (len(value) <= CONTENT_TYPE_BYTES and _CONTENT_TYPE.fullmatch(value) is not None)
