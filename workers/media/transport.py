"""The agent's place in a LiveKit room, tuned for one telephone caller.

Pipecat's transport takes 100 frames a second of 48 kHz from every participant and resamples them in Python. Here
LiveKit delivers 16 kHz frames of `AUDIO_BUFFER_SIZE` samples, of the caller alone, and both ways are timed by ear.
"""

import asyncio

from django.conf import settings
from pipecat.transports.livekit.transport import LiveKitParams, LiveKitTransport

from calls.livekit.joining import CancellableRoom
from calls.livekit.rooms import agent_token
from workers.media.client import CallerOnlyClient
from workers.media.input import CallerEar
from workers.media.output import AgentVoice
from workers.media.speech_meter import SAMPLE_RATE

PACKET_MS = 20  # of speech in an Opus packet, WebRTC's default
SOURCE_QUEUE_MS = 1000  # never full: AgentVoice hands over a fifth of it ahead, so that writing does not wait
CHUNK_10MS = 6  # an FFI round trip for each 60 ms of speech instead of each 20 ms


class CallTransport(LiveKitTransport):
    """The agent's place in the room: `agent_heard` is set once the caller's side takes the agent's audio."""

    def __init__(self, room_name: str, agent_identity: str, caller_identity: str) -> None:
        params = LiveKitParams(
            audio_in_enabled=True,
            audio_in_sample_rate=SAMPLE_RATE,
            audio_out_enabled=True,
            audio_out_sample_rate=SAMPLE_RATE,
            audio_out_10ms_chunks=CHUNK_10MS,
            audio_out_queue_size_ms=SOURCE_QUEUE_MS,
            audio_out_auto_silence=False,  # LiveKit's own source fills the gaps
            audio_out_end_silence_secs=0,
        )
        token = agent_token(room_name, agent_identity)
        super().__init__(settings.LIVEKIT_URL, token, room_name, params)
        callbacks = self._client._callbacks
        self._caller = CallerOnlyClient(settings.LIVEKIT_URL, token, room_name, params, callbacks, self.name)
        self._caller.caller_identity = caller_identity
        self._client = self._caller
        self._ear = CallerEar(self, self._caller, params)
        self._caller.listen = self._ear.listen
        self._voice = AgentVoice(self, self._caller, params)

    @property
    def agent_heard(self) -> asyncio.Event:
        return self._caller.agent_heard

    @property
    def joined(self) -> asyncio.Event:
        """Set once the agent is in the room and its track is published."""
        return self._caller.joined

    @property
    def caller_left_because(self) -> int | None:
        """LiveKit's reason why the caller's side left the room; None while it has not, or if none was reported."""
        return self._caller.caller_left_because

    @property
    def disconnected_because(self) -> int | None:
        """LiveKit's reason why this agent is no longer in the room; None while it is."""
        return self._caller.disconnected_because

    @property
    def room(self) -> CancellableRoom:
        """The room, once the agent has begun to join it."""
        return self._caller.room

    async def fall_silent(self) -> None:
        """Take the agent's voice out of the room. It keeps hearing the caller."""
        me = self.room.local_participant
        for sid in list(me.track_publications):
            await me.unpublish_track(sid)

    def input(self) -> CallerEar:
        return self._ear

    def output(self) -> AgentVoice:
        return self._voice

    def is_connected(self) -> bool:
        """Whether the agent has joined and its track is published."""
        return self._client._connected

    async def path_ms(self) -> int:
        """Milliseconds that audio spends between the caller's side and this process, there and back together.

        One way is the jitter buffer's mean delay, as WebRTC's statistics give it for the caller's track, and one Opus
        packet; the way back is taken to be the same, because only the caller could measure it.
        """
        track = self._caller.caller_track
        stats = await track.get_stats() if track is not None else []
        for inbound in (entry.inbound_rtp.inbound for entry in stats if entry.HasField("inbound_rtp")):
            if inbound.jitter_buffer_emitted_count:
                buffered_ms = inbound.jitter_buffer_delay / inbound.jitter_buffer_emitted_count * 1000
                return 2 * round(buffered_ms + PACKET_MS)
        return 0

    def caller_is_present(self) -> bool:
        """Whether the caller is in the room. False before the agent has joined."""
        return self._caller.caller_identity in self._client.get_participants()

    def caller_has_picked_up(self) -> bool:
        """Whether LiveKit's SIP service says so of the caller's telephone. False before the agent has joined."""
        caller = self.room.remote_participants.get(self._caller.caller_identity)
        return caller is not None and caller.attributes.get("sip.callStatus") == "active"


def is_successor(identity: str, attempt: int) -> bool:
    """Whether this is an agent of a later attempt, which has the call now."""
    name, _, number = identity.rpartition("-")
    return name == "agent" and number.isdecimal() and int(number) > attempt
