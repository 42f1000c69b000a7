"""The private attributes of other packages that workers reach into: a new release that renames one fails here."""

import ast
import inspect
import textwrap
from pathlib import Path
from typing import Any

import pytest
from celery.worker.consumer import Consumer
from django_celery_beat.schedulers import DatabaseScheduler
from kombu import Connection
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.processors.aggregators.llm_response_universal import LLMAssistantAggregator
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.anthropic.llm import AnthropicLLMService
from pipecat.services.assemblyai.stt import AssemblyAISTTService
from pipecat.services.cartesia.tts import CartesiaTTSService
from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
from pipecat.services.llm_service import LLMService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.tts_service import TTSService, WebsocketTTSService
from pipecat.transports.livekit.transport import (
    LiveKitInputTransport,
    LiveKitOutputTransport,
    LiveKitTransport,
    LiveKitTransportClient,
)
from pipecat.turns.speculation_gate import SpeculationGate
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy, TurnAnalyzerUserTurnStopStrategy
from pipecat.utils.text.simple_text_aggregator import SimpleTextAggregator

from tools.local import ROOT

ATTRIBUTES: list[tuple[Any, str]] = [
    # workers/media/
    (LiveKitTransportClient, "_callbacks _connected _audio_source _audio_streams _task_manager"),
    (LiveKitTransportClient, "_close_audio_stream"),
    (LiveKitTransport, "_client"),
    (LiveKitInputTransport, "_client"),
    (LiveKitOutputTransport, "_client _convert_pipecat_audio_to_livekit"),
    (FrameProcessor, "_next _prev _start_interruption _call_event_handler _register_event_handler"),
    # workers/turns/
    (SileroVADAnalyzer, "_model _run_analyzer _windows_since_reset _low_confidence_windows"),
    (LocalSmartTurnAnalyzerV3, "_session _model_executor _log_data"),
    (SpeechTimeoutUserTurnStopStrategy, "_text _vad_user_speaking"),
    (TurnAnalyzerUserTurnStopStrategy, "_text _vad_user_speaking"),
    # workers/providers/
    (OpenAILLMService, "_client _settings _speculation_gate"),
    (DeepgramFluxSTTService, "_websocket _disconnecting _cancelling _reconnecting _muted _user_id"),
    (DeepgramFluxSTTService, "_last_audio_time _last_stt_time _last_audio_chunk_duration"),
    (DeepgramFluxSTTService, "_receive_messages _record_stt_audio_usage _send_configure"),
    (DeepgramSTTService, "_connection _finalize_requested"),
    (AssemblyAISTTService, "_finalize_requested _get_websocket _handle_message _user_speaking"),
    (AnthropicLLMService, "_client _settings"),
    (LLMService, "_push_llm_text _speculation_gate"),
    (TTSService, "_text_aggregator _word_timestamp_tracker _aggregated_frame_sequencer _handle_interruption"),
    (TTSService, "_push_start_frame _turn_context_id"),
    (WebsocketTTSService, "_websocket _disconnecting _receive_task_handler"),
    (ElevenLabsTTSService, "_receive_messages _clear_connection_state _receive_task _get_websocket"),
    (CartesiaTTSService, "_receive_messages _process_messages _receive_task"),
    (SimpleTextAggregator, "_text _check_sentence_with_lookahead"),
    (LLMAssistantAggregator, "_push_context_on_bot_stopped_speaking _context_push_owed"),
    (SpeculationGate, "_speculating _drop_held"),
    # callcenter/celery_adapters/
    (DatabaseScheduler, "_heap"),
]
METHODS: list[tuple[Any, str, str]] = [
    # callcenter/celery_adapters/consumer.py
    (Consumer, "ensure_connected", "self conn"),
    (Consumer, "on_decode_error", "self message exc"),
    (Consumer, "create_task_handler", "self promise"),
]


def _has(owner: type) -> set[str]:
    """The names that the class and its bases define, and those that their methods assign to `self`."""
    names: set[str] = set(dir(owner))
    for each in owner.__mro__:
        if each.__module__.partition(".")[0] in {"builtins", "abc", "typing"}:
            continue
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(each)))):
            match node:
                case ast.Attribute(value=ast.Name("self"), attr=name, ctx=ast.Store()):
                    names.add(name)
    return names


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def _of_others(file: Path) -> set[str]:
    """The private attributes that a module of ours reads or calls, and does not itself define."""
    used: set[str] = set()
    own: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case (
                ast.Attribute(attr=name, ctx=ast.Store()) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name)
            ):
                own.add(name)
            case ast.Name(name, ctx=ast.Store()):
                own.add(name)
            case ast.Attribute(attr=name) if _is_private(name):
                used.add(name)
    return used - own


@pytest.mark.parametrize(
    ("owner", "names"), ATTRIBUTES, ids=[f"{owner.__name__}: {names.split()[0]}" for owner, names in ATTRIBUTES]
)
def test_what_is_reached_into_has_the_attributes_that_it_was_written_for(owner: type, names: str) -> None:
    assert set(names.split()) - _has(owner) == set()


@pytest.mark.parametrize(("owner", "method", "expected"), METHODS, ids=[method for _, method, _ in METHODS])
def test_celerys_consumer_has_the_methods_that_ours_overrides(owner: Any, method: str, expected: str) -> None:
    assert " ".join(inspect.signature(getattr(owner, method)).parameters) == expected


def test_celery_knows_a_lost_broker_and_kombu_how_long_it_waits_to_connect_again() -> None:
    assert {"connection_errors", "channel_errors"} <= _has(Consumer)
    assert "interval_step" in inspect.signature(Connection._ensure_connection).parameters


def test_every_private_attribute_that_is_used_is_pinned() -> None:
    pinned = {name for _, names in ATTRIBUTES for name in names.split()}
    files = [file for room in ("workers", "callcenter") for file in (ROOT / room).rglob("*.py")]

    assert {name: file.name for file in files for name in _of_others(file) - pinned} == {}
