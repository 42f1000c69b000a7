"""Deepgram Flux on a connection that suits audio."""

from typing import Any

from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService


class Flux(DeepgramFluxSTTService):
    """Speech to text that finds the turns, too."""

    async def _websocket_connect(self, uri: str, **kwargs: Any) -> Any:
        """Without permessage-deflate: speech does not get smaller, and to try took 4 % of the pipeline's time."""
        return await super()._websocket_connect(uri, compression=None, **kwargs)
