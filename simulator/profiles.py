"""Named delay profiles: how long each simulated provider takes, with the source beside each number.

All delays are in milliseconds. `none` has no delay but the silence without which no service could know that a turn has
ended. `published` is what the providers, or benchmarks of them, say.
"""

import math
import random
from dataclasses import dataclass
from typing import Literal

ProfileName = Literal["none", "published"]

_Z95 = 1.6449
"""95th percentile of the standard normal distribution."""


@dataclass(frozen=True)
class Delay:
    """A log-normal delay, given by its median and 95th percentile; never shorter than `floor_ms`."""

    median_ms: float
    p95_ms: float
    floor_ms: float = 0.0

    def sample_s(self, rng: random.Random) -> float:
        """Draw one delay, in seconds."""
        if self.median_ms <= 0:
            return self.floor_ms / 1000
        sigma = math.log(self.p95_ms / self.median_ms) / _Z95
        return max(self.floor_ms, self.median_ms * math.exp(sigma * rng.gauss(0, 1))) / 1000


def fixed(milliseconds: float) -> Delay:
    """A delay that is always the same."""
    return Delay(0, 0, floor_ms=milliseconds)


@dataclass(frozen=True)
class TextDelays:
    """How long a language model takes: to the first token, and from each to the next."""

    first_token: Delay
    token_gap_ms: float


@dataclass(frozen=True)
class Profile:
    """The delays of one set of providers."""

    name: ProfileName
    end_of_turn: Delay
    """Flux: silence from the caller's last sound to EndOfTurn, where the words do not tell that it is the end."""
    unfinished: Delay
    """Flux: the least silence before EndOfTurn where the caller pauses within a sentence."""
    eager_lead: Delay
    """Flux: how long before the EndOfTurn of a clear end the EagerEndOfTurn comes, if the client asked for it."""
    eager_floor_ms: float
    """Flux: the least silence before EagerEndOfTurn."""
    stt_interim: Delay
    """Nova: from the end of a word to the first transcript in which it stands."""
    stt_final: Delay
    """Nova: from the caller's last sound to the final transcript."""
    assemblyai_interim: Delay
    """AssemblyAI: from the end of a word to the first Turn in which it stands."""
    assemblyai_final: Delay
    """AssemblyAI: from the caller's last sound to the Turn that ends it, at least."""
    openai: TextDelays
    anthropic: TextDelays
    elevenlabs_first_audio: Delay
    cartesia_first_audio: Delay
    tts_speed: float
    """Seconds of audio that TTS sends in a second after the first chunk; 0 is without limit."""


FRAME_S = 0.08
"""Streaming models take audio in such chunks: developers.deepgram.com/docs/flux/quickstart."""

# No detector can tell a pause from an end in less: the closure of a plosive in running speech is silent for up to about
# 100 ms.
EAGER_FLOOR_MS = 100.0
END_OF_TURN_FLOOR_MS = 200.0
INTERIM_FLOOR_MS = 100.0
"""Clients send 20 to 80 ms of audio at a time, and a model must hear some of what follows a word to know its end."""
CLEAR_END_MS = 220.0
"""Flux after a clear end, at most: recorded were 0 to 300 ms, in whole frames of 80 ms."""
LOCAL_END_OF_TURN_FLOOR_MS = 400.0
LOCAL_EAGER_FLOOR_MS = 250.0
"""With local speech. Flux understands that a comma ends no turn; Whisper does not, and Piper's commas last 190 to 330
ms. Little is lost: Whisper needs longer than the difference, and begins with the first of the two."""

PROFILES: dict[ProfileName, Profile] = {
    "none": Profile(
        name="none",
        end_of_turn=fixed(END_OF_TURN_FLOOR_MS),
        unfinished=fixed(END_OF_TURN_FLOOR_MS),
        eager_lead=fixed(END_OF_TURN_FLOOR_MS - EAGER_FLOOR_MS),
        eager_floor_ms=EAGER_FLOOR_MS,
        stt_interim=fixed(INTERIM_FLOOR_MS),
        stt_final=fixed(END_OF_TURN_FLOOR_MS),
        assemblyai_interim=fixed(INTERIM_FLOOR_MS),
        assemblyai_final=fixed(END_OF_TURN_FLOOR_MS),
        openai=TextDelays(first_token=fixed(0), token_gap_ms=0),
        anthropic=TextDelays(first_token=fixed(0), token_gap_ms=0),
        elevenlabs_first_audio=fixed(0),
        cartesia_first_audio=fixed(0),
        tts_speed=0,
    ),
    "published": Profile(
        name="published",
        # "~260ms end-of-turn detection": developers.deepgram.com/docs/flux/quickstart.
        # 95th percentile 1.5 s: together.ai/models/flux, performance characteristics.
        end_of_turn=Delay(median_ms=260, p95_ms=1500, floor_ms=END_OF_TURN_FLOOR_MS),
        # "Using conversational context, not just silence" (the same page): no figure says how long Flux then waits.
        # That it is as long as where it is least sure of a true end, the percentile above, is an assumption.
        unfinished=fixed(1500),
        # "Reduces median response latency by ~150 ms", "top 5 percent savings reaching ~350 ms":
        # telnyx.com/release-notes/automatic-eager-end-of-turn-deepgram-flux.
        eager_lead=Delay(median_ms=150, p95_ms=350),
        eager_floor_ms=EAGER_FLOOR_MS,
        # "Transcription latency in 300 milliseconds or less for streaming workloads", to which the network and the
        # client's chunks come: developers.deepgram.com/docs/measuring-streaming-latency. It publishes no median: 200 is
        # an assumption.
        stt_interim=Delay(median_ms=200, p95_ms=300, floor_ms=INTERIM_FLOOR_MS),
        # Deepgram, time to final segment: median 247 ms, p95 298 ms: github.com/pipecat-ai/stt-benchmark.
        stt_final=Delay(median_ms=247, p95_ms=298, floor_ms=END_OF_TURN_FLOOR_MS),
        # "Immutable transcripts in ~300ms": assemblyai.com/blog/introducing-universal-streaming. It publishes no
        # percentile: 400 is an assumption.
        assemblyai_interim=Delay(median_ms=300, p95_ms=400, floor_ms=INTERIM_FLOOR_MS),
        # AssemblyAI, time to final segment: median 256 ms, p95 362 ms: github.com/pipecat-ai/stt-benchmark.
        assemblyai_final=Delay(median_ms=256, p95_ms=362, floor_ms=END_OF_TURN_FLOOR_MS),
        # GPT-5-mini 150 to 300 ms to the first token, 100 to 150 tokens a second:
        # callsphere.ai/blog/model-latency-profiles-provider-ttft-tps-p99-2026.
        openai=TextDelays(first_token=Delay(median_ms=150, p95_ms=300), token_gap_ms=1000 / 125),
        # Haiku 4.5, in the same table: 100 to 250 ms, 100 to 180 tokens a second.
        anthropic=TextDelays(first_token=Delay(median_ms=100, p95_ms=250), token_gap_ms=1000 / 140),
        # Flash models: ~75 ms of inference and at least 20 ms of network:
        # elevenlabs.io/docs/eleven-api/concepts/latency.
        # Spread: interquartile range 28 ms (Coval, May 2026): gradium.ai/content/tts-latency-benchmark-2026. The 95th
        # percentile of a normal distribution is 1.22 such ranges above its median.
        elevenlabs_first_audio=Delay(median_ms=100, p95_ms=134),
        # Sonic-3, from a client: median 188 ms, interquartile range 100 ms (the same benchmark).
        cartesia_first_audio=Delay(median_ms=188, p95_ms=310),
        # The measured time to a whole utterance is a fraction of its length; no provider publishes a number. Ten is an
        # assumption, which the caller cannot hear: it only has to be faster than real time.
        tts_speed=10,
    ),
}
