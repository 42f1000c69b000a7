"""The benchmark's peer: an agent of livekit-agents 1.8.9 with its production settings, one process per call.

Run as `python livekit_agent.py start` in its own environment. What differs from the defaults, always in its favor:
- no load threshold: the callers and the media server share the machine, and their load must not make it refuse calls;
- no warm-up of the echo canceller, during which it would not hear an interruption: a telephone has none.
"""

import os

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli, inference
from livekit.plugins import deepgram, elevenlabs, openai

SIMULATOR = os.environ["BENCH_SIMULATOR"]
POLICY = os.environ["BENCH_POLICY"]

server = AgentServer(load_threshold=float("inf"), port=int(os.environ["BENCH_PORT"]), host="127.0.0.1")


def _hearing() -> dict[str, object]:
    """Speech to text and the rule for the end of a turn."""
    if POLICY == "silence":
        return {
            "stt": deepgram.STT(model="nova-3-general", base_url=f"{SIMULATOR}/v1/listen", api_key="simulator"),
            "vad": inference.VAD(min_silence_duration=0.2),
            "turn_handling": {"turn_detection": "vad", "endpointing": {"min_delay": 0.0}},
        }
    return {
        "stt": deepgram.STTv2(
            model="flux-general-en",
            eager_eot_threshold=0.5,
            base_url=f"{SIMULATOR.replace('http', 'ws', 1)}/v2/listen",
            api_key="simulator",
        ),
        # The turn is Flux's; what may be prepared before it is confirmed, is.
        "turn_handling": {
            "turn_detection": "stt",
            "endpointing": {"min_delay": 0.0},
            "preemptive_generation": {"enabled": True, "preemptive_tts": True},
        },
    }


@server.rtc_session()
async def answer(context: JobContext) -> None:
    """Greet the caller and converse until it leaves."""
    session = AgentSession(
        llm=openai.LLM(model="gpt-4.1-mini", base_url=f"{SIMULATOR}/v1", api_key="simulator"),
        tts=elevenlabs.TTS(
            voice_id=os.environ["BENCH_VOICE"],
            model="eleven_flash_v2_5",
            base_url=f"{SIMULATOR}/v1",
            api_key="simulator",
        ),
        aec_warmup_duration=None,
        **_hearing(),
    )
    await session.start(agent=Agent(instructions=os.environ["BENCH_PROMPT"]), room=context.room)
    await session.say(os.environ["BENCH_GREETING"])


if __name__ == "__main__":
    cli.run_app(server)
