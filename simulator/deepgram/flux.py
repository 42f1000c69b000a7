"""Deepgram Flux: the websocket /v2/listen, which says when a turn starts and ends.

Protocol: developers.deepgram.com/docs/flux (state machine, configuration, eager end of turn) and the message types of
deepgram-sdk 7.16 (deepgram.listen.v2.types). Pace and content as recorded from the real service: an Update for every
240 ms of audio, between turns too, and for every 80 ms when an end is near; a turn starts with its first words, at an
Update's time; words have no times.
"""

from aiohttp import web

from simulator.deepgram.flux_session import FluxSession
from simulator.deepgram.handshake import admit_listener, make_decoder, read_query, target_of
from simulator.deepgram.thresholds import Thresholds
from simulator.wire import Socket

MODELS = ("flux-general-en", "flux-general-multi")


async def listen(request: web.Request) -> web.WebSocketResponse:
    """Serve one caller."""
    fault = admit_listener(request, "flux")
    query = read_query(request)
    if query.text("model") not in MODELS:
        raise query.wrong(f"model is {query.text('model')!r}: use one of {', '.join(MODELS)}")
    decoder = make_decoder(query)
    thresholds = Thresholds.from_query(query)
    socket = await Socket.accept(request, target_of(request), fault)
    try:
        await FluxSession(socket, decoder, thresholds, query.text("model")).run()
    finally:
        socket.forget()
    return socket.ws
