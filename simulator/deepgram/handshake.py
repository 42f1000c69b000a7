"""What both of Deepgram's streaming protocols share: errors over HTTP, the key, and the audio's format."""

import uuid

from aiohttp import web

from simulator.faults import Fault, Target
from simulator.hearing.query import Query
from simulator.speech.audio import AudioDecoder, UnsupportedFormat
from simulator.wire import REFUSED_KEY, admit, json_error, model_of
from simulator.world import WORLD


def deepgram_error(code: str, message: str) -> dict[str, str]:
    """The body of Deepgram's HTTP errors."""
    return {"err_code": code, "err_msg": message, "request_id": str(uuid.uuid4())}


def target_of(request: web.Request) -> Target:
    """What a handshake asks for."""
    return Target("stt", "deepgram", model_of(request))


def admit_listener(request: web.Request, kind: str) -> Fault | None:
    """Check the API key and the faults of a Deepgram handshake; count it."""
    request.app[WORLD].count("stt", kind)
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in ("token", "bearer") or not key.strip() or key.strip() == REFUSED_KEY:
        raise json_error(401, deepgram_error("INVALID_AUTH", "Invalid credentials."))
    return admit(
        request,
        target_of(request),
        deepgram_error("TOO_MANY_REQUESTS", "Too many requests. Please try again later."),
        deepgram_error("INTERNAL_SERVER_ERROR", "The request could not be processed."),
    )


def read_query(request: web.Request) -> Query:
    """The query parameters; a wrong one is HTTP 400, as Deepgram's is."""
    return Query(request, lambda message: json_error(400, deepgram_error("INVALID_QUERY_PARAMETER", message)))


def make_decoder(query: Query) -> AudioDecoder:
    """The decoder for encoding, sample_rate and channels."""
    rate = query.number("sample_rate", 16000, 1, 1e6) or 16000
    channels = query.number("channels", 1, 1, 64) or 1
    try:
        return AudioDecoder(query.text("encoding", "linear16"), int(rate), int(channels))
    except UnsupportedFormat as error:
        raise query.wrong(str(error)) from error
