"""The parts of other packages that workers override or reach into: a new release that changes one fails here."""

import inspect
from typing import Any

import pytest
from livekit import rtc
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn
from pipecat.audio.vad.silero import SileroOnnxModel
from pipecat.audio.vad.vad_analyzer import VADAnalyzer
from pipecat.processors.aggregators.llm_response_universal import LLMAssistantAggregator, LLMUserAggregator
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.anthropic.llm import AnthropicLLMService
from pipecat.services.assemblyai.stt import AssemblyAISTTService
from pipecat.services.cartesia.tts import CartesiaTTSService
from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
from pipecat.services.llm_service import LLMService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService, WebsocketTTSService
from pipecat.services.websocket_service import WebsocketService, _BoundedConnection
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.livekit.transport import (
    LiveKitInputTransport,
    LiveKitOutputTransport,
    LiveKitTransport,
    LiveKitTransportClient,
)
from pipecat.turns.speculation_gate import SpeculationGate
from pipecat.turns.user_start import BaseUserTurnStartStrategy
from pipecat.turns.user_stop import EagerUserTurnStopStrategy
from websockets.asyncio.connection import Connection
from websockets.protocol import Protocol

from calls.livekit.rooms import ROOM_ENDED

METHODS: list[tuple[Any, str, str]] = [
    # workers/media/transport.py
    (LiveKitTransport, "__init__", "self url token room_name params input_name output_name"),
    (LiveKitTransportClient, "setup", "self setup"),
    (LiveKitTransportClient, "connect", "self"),
    (LiveKitTransportClient, "_async_on_track_subscribed", "self track publication participant"),
    (LiveKitTransportClient, "_async_on_participant_disconnected", "self participant"),
    (LiveKitTransportClient, "_close_audio_stream", "self participant_id"),
    (LiveKitTransportClient, "publish_audio", "self audio_frame"),
    # calls/livekit/joining.py
    (rtc.Room, "__init__", "self loop"),
    (rtc.Room, "connect", "self url token options"),
    (rtc.Room, "disconnect", "self reason"),
    (rtc.Room, "emit", "self event args"),
    # workers/media/input.py, workers/media/output.py
    (LiveKitInputTransport, "__init__", "self transport client params kwargs"),
    (LiveKitOutputTransport, "__init__", "self transport client params kwargs"),
    (LiveKitOutputTransport, "write_audio_frame", "self frame"),
    (LiveKitOutputTransport, "_convert_pipecat_audio_to_livekit", "self pipecat_audio"),
    (BaseOutputTransport.MediaSender, "_internal_write_audio_frame", "self frame"),
    (BaseOutputTransport.MediaSender, "_clock_task_handler", "self"),
    (rtc.AudioSource, "clear_queue", "self"),
    # workers/turns/policies.py
    (EagerUserTurnStopStrategy, "process_frame", "self frame"),
    # workers/providers/recognizer.py, workers/providers/deepgram/flux.py
    (WebsocketService, "_websocket_connect", "self uri kwargs"),
    (WebsocketService, "_receive_task_handler", "self report_error"),
    (FrameProcessor, "queue_frame", "self frame direction callback"),
    (STTService, "process_audio_frame", "self frame direction"),
    (STTService, "_record_stt_audio_usage", "self audio"),
    (DeepgramFluxSTTService, "run_stt", "self audio"),
    (_BoundedConnection, "send", "self args kwargs"),
    (Connection, "send_data", "self"),
    (Protocol, "send_binary", "self data fin"),
    # workers/providers/assemblyai/stt.py
    (AssemblyAISTTService, "_receive_messages", "self"),
    (AssemblyAISTTService, "_handle_message", "self message"),
    (AssemblyAISTTService, "_handle_transcription", "self message"),
    # workers/providers/synthesizer.py
    (TTSService, "run_tts", "self text context_id"),
    (TTSService, "audio_context_available", "self context_id"),
    (TTSService, "get_audio_contexts", "self"),
    (TTSService, "create_audio_context", "self context_id"),
    (TTSService, "append_to_audio_context", "self context_id frame"),
    (TTSService, "add_word_timestamps", "self word_times context_id includes_inter_frame_spaces pre_merge_tokens"),
    (TTSService, "remove_audio_context", "self context_id"),
    (TTSService, "on_turn_context_completed", "self"),
    (TTSService, "on_audio_context_interrupted", "self context_id"),
    (TTSService, "on_audio_context_completed", "self context_id"),
    (TTSService, "start_tts_usage_metrics", "self text"),
    (WebsocketTTSService, "_close_connection_contexts", "self"),
    (FrameProcessor, "push_frame", "self frame direction"),
    (FrameProcessor, "push_error_frame", "self error force_treat_as_permanent"),
    # workers/providers/elevenlabs/tts.py, workers/providers/cartesia/tts.py
    (ElevenLabsTTSService, "_get_websocket", "self"),
    (ElevenLabsTTSService, "_clear_connection_state", "self"),
    (CartesiaTTSService, "_receive_messages", "self"),
    (CartesiaTTSService, "_process_messages", "self"),
    # workers/providers/answering.py
    (LLMService, "process_frame", "self frame direction"),
    (LLMService, "run_function_calls", "self function_calls"),
    (LLMService, "start_llm_usage_metrics", "self tokens"),
    (FrameProcessor, "stop_ttfb_metrics", "self end_time"),
    (FrameProcessor, "stop_ttfat_metrics", "self end_time"),
    # workers/providers/openai/llm.py, workers/providers/anthropic/llm.py
    (OpenAILLMService, "create_client", "self api_key base_url organization project default_headers kwargs"),
    (OpenAILLMService, "get_chat_completions", "self context"),
    (AnthropicLLMService, "_create_message_stream", "self api_call params"),
    # workers/providers/failover/llm.py
    (LLMService, "_push_llm_text", "self text"),
    (FrameProcessor, "_classify_error", "self exception"),
    # workers/providers/failover/tts.py, workers/providers/speech/held_reply.py
    (SpeculationGate, "_begin", "self"),
    (SpeculationGate, "_discard", "self"),
    (SpeculationGate, "_drop_held", "self reason keep_dropping"),
    (FrameProcessor, "_start_interruption", "self"),
    (TTSService, "_handle_interruption", "self frame direction"),
    (TTSService, "start_word_timestamps", "self"),
    (TTSService, "flush_audio", "self context_id"),
    (TTSService, "_record_context_audio_outcome", "self context_id received_audio"),
    # workers/providers/failover/stt.py, workers/providers/deepgram/nova.py
    (FrameProcessor, "queue_frame", "self frame direction callback"),
    (DeepgramFluxSTTService, "_process_message", "self message"),
    (DeepgramFluxSTTService, "_send_configure", "self fields"),
    (DeepgramFluxSTTService, "_end_turn_cut_short", "self"),
    (DeepgramSTTService, "_connect", "self"),
    (DeepgramSTTService, "_on_message", "self message"),
    # workers/turns/detectors.py, workers/turns/barge_in.py
    (VADAnalyzer, "analyze_audio", "self buffer"),
    (VADAnalyzer, "_run_analyzer", "self buffer"),
    (VADAnalyzer, "_get_smoothed_volume", "self audio"),
    (SileroOnnxModel, "__call__", "self x sr"),
    (SileroOnnxModel, "reset_states", "self batch_size"),
    (BaseSmartTurn, "append_audio", "self buffer is_speech"),
    (BaseUserTurnStartStrategy, "handle_user_turn_started", "self"),
    (BaseUserTurnStartStrategy, "trigger_user_turn_started", "self enable_interruptions enable_user_speaking_frames"),
    # workers/turns/policies.py, workers/turns/agent_turns.py, workers/pipeline.py
    (LLMAssistantAggregator, "push_aggregation", "self"),
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


def test_pipecat_asks_for_its_room_where_the_transport_gives_another() -> None:
    assert isinstance(LiveKitTransportClient.room, property)


def test_why_somebody_left_has_the_same_numbers_in_webhooks_and_in_rooms() -> None:
    names = ("ROOM_DELETED", "ROOM_CLOSED", "SERVER_SHUTDOWN")
    assert {getattr(rtc.DisconnectReason, name) for name in names} == ROOM_ENDED
