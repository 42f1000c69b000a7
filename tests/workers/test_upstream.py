"""The parts of Pipecat and LiveKit that workers override or reach into: a new release that changes one fails here."""

import inspect
from typing import Any

import pytest
from livekit import rtc
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn
from pipecat.audio.vad.silero import SileroOnnxModel
from pipecat.audio.vad.vad_analyzer import VADAnalyzer
from pipecat.processors.aggregators.llm_response_universal import LLMAssistantAggregator, LLMUserAggregator
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.tts_service import TTSService
from pipecat.services.websocket_service import WebsocketService
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.livekit.transport import (
    LiveKitInputTransport,
    LiveKitOutputTransport,
    LiveKitTransport,
    LiveKitTransportClient,
)
from pipecat.turns.speculation_gate import SpeculationGate
from pipecat.turns.user_start import BaseUserTurnStartStrategy

METHODS: list[tuple[Any, str, str]] = [
    # workers/transport.py
    (LiveKitTransport, "__init__", "self url token room_name params input_name output_name"),
    (LiveKitTransportClient, "setup", "self setup"),
    (LiveKitTransportClient, "_async_on_track_subscribed", "self track publication participant"),
    (LiveKitTransportClient, "_async_on_participant_disconnected", "self participant"),
    (LiveKitTransportClient, "_close_audio_stream", "self participant_id"),
    (LiveKitTransportClient, "publish_audio", "self audio_frame"),
    # workers/ear.py, workers/voice.py
    (LiveKitInputTransport, "__init__", "self transport client params kwargs"),
    (LiveKitOutputTransport, "__init__", "self transport client params kwargs"),
    (LiveKitOutputTransport, "write_audio_frame", "self frame"),
    (LiveKitOutputTransport, "_convert_pipecat_audio_to_livekit", "self pipecat_audio"),
    (BaseOutputTransport.MediaSender, "_internal_write_audio_frame", "self frame"),
    (BaseOutputTransport.MediaSender, "_clock_task_handler", "self"),
    (rtc.AudioSource, "clear_queue", "self"),
    # workers/flux.py
    (WebsocketService, "_websocket_connect", "self uri kwargs"),
    # workers/held_reply.py
    (SpeculationGate, "_begin", "self"),
    (SpeculationGate, "_discard", "self"),
    (SpeculationGate, "_drop_held", "self reason keep_dropping"),
    (FrameProcessor, "_start_interruption", "self"),
    (FrameProcessor, "push_frame", "self frame direction"),
    (TTSService, "_handle_interruption", "self frame direction"),
    # workers/lines.py
    (ElevenLabsTTSService, "run_tts", "self text context_id"),
    (TTSService, "create_audio_context", "self context_id"),
    (TTSService, "append_to_audio_context", "self context_id frame"),
    (TTSService, "on_turn_context_completed", "self"),
    (TTSService, "on_audio_context_interrupted", "self context_id"),
    (TTSService, "on_audio_context_completed", "self context_id"),
    # workers/language_model.py
    (OpenAILLMService, "create_client", "self api_key base_url organization project default_headers kwargs"),
    # workers/models.py, workers/barge_in.py
    (VADAnalyzer, "analyze_audio", "self buffer"),
    (VADAnalyzer, "_run_analyzer", "self buffer"),
    (VADAnalyzer, "_get_smoothed_volume", "self audio"),
    (SileroOnnxModel, "__call__", "self x sr"),
    (BaseSmartTurn, "append_audio", "self buffer is_speech"),
    (BaseUserTurnStartStrategy, "handle_user_turn_started", "self"),
    (BaseUserTurnStartStrategy, "trigger_user_turn_started", "self enable_interruptions enable_user_speaking_frames"),
    # workers/turns.py, workers/pipeline.py
    (LLMUserAggregator, "push_frame", "self frame direction"),
    (
        LLMAssistantAggregator,
        "__init__",
        "self context params _realtime_service_mode _paired_user_aggregator kwargs",
    ),
]


@pytest.mark.parametrize(
    ("owner", "method", "expected"), METHODS, ids=[f"{owner.__name__}.{method}" for owner, method, _ in METHODS]
)
def test_what_is_overridden_has_the_signature_that_it_was_written_for(owner: Any, method: str, expected: str) -> None:
    assert " ".join(inspect.signature(getattr(owner, method)).parameters) == expected
