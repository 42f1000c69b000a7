"""Voice activity and smart-turn models: one ONNX session per process, one recurrent state per call.

Pipecat loads a session with every analyzer, 10 to 25 MB each. ONNX sessions may be run from several threads at once.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import onnxruntime
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroOnnxModel, SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState

from workers.media.speech_meter import FLOOR, SAMPLE_RATE, loudness

WINDOW = 512  # samples of 16 kHz: what Silero judges at once
VAD_STOP_S = 0.2  # seconds of silence after which Pipecat's published transcription latencies are counted


@cache
def _session(package: str, file: str, keep_memory: bool) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = keep_memory
    # A plan of one run's memory is a second copy of it beside the arena: 32 MB with it, 22 without, at the same speed.
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(
        str(files(package).joinpath(file)), sess_options=options, providers=["CPUExecutionProvider"]
    )


def _vad_session() -> onnxruntime.InferenceSession:
    # A window needs a few kB, which malloc has at hand.
    return _session("pipecat.audio.vad.data", "silero_vad.onnx", keep_memory=False)


def _turn_session() -> onnxruntime.InferenceSession:
    # A turn needs 22 MB. Without the arena it goes back to the system after every turn, and to take it page by page
    # again takes 50 ms of the 130 ms of processor time that a turn then needs.
    return _session("pipecat.audio.turn.smart_turn.data", "smart-turn-v3.2-cpu.onnx", keep_memory=True)


@cache
def _turn_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="smart-turn")


def load() -> None:
    """Load both models now rather than at the first call that needs them."""
    _vad_session()
    _turn_session()


class SileroState(SileroOnnxModel):
    """Silero's recurrent state for one call, over the shared session: 16 kHz mono."""

    def __init__(self) -> None:
        self.session = _vad_session()
        self.sample_rates = [SAMPLE_RATE]
        self.reset_states()

    def reset_states(self, batch_size: int = 1) -> None:
        """Forget what was heard."""
        super().reset_states(batch_size)  # type: ignore[no-untyped-call]  # Pipecat's

    def confidence(self, pcm: bytes) -> float:
        """How sure the model is, from 0 to 1, that someone speaks in the next window of 512 16-bit samples."""
        samples = np.frombuffer(pcm, np.int16).astype(np.float32) / 32768
        return float(self(samples, SAMPLE_RATE).item())


class SharedSileroVad(SileroVADAnalyzer):
    """Silero VAD for one call: 16 kHz mono, 512-sample windows."""

    def __init__(self) -> None:
        VADAnalyzer.__init__(self, params=VADParams(stop_secs=VAD_STOP_S))
        self._model: Any = SileroState()
        self._windows_since_reset = 0
        self._low_confidence_windows = 0

    async def analyze_audio(self, buffer: bytes) -> VADState:
        """Judge the audio at once."""
        return self._run_analyzer(buffer)

    def _get_smoothed_volume(self, audio: bytes) -> float:
        """1.0 for a window that is as loud as speech on a telephone, else 0.0."""
        return float(loudness(audio) > FLOOR)


class SharedSmartTurn(LocalSmartTurnAnalyzerV3):
    """Smart-turn v3 for one call. All calls share a thread: two turns at once would need the 22 MB of a turn twice."""

    def __init__(self, params: SmartTurnParams | None = None) -> None:
        BaseSmartTurn.__init__(self, params=params or SmartTurnParams())
        self._log_data = False
        self._session = _turn_session()

    @property
    def _model_executor(self) -> ThreadPoolExecutor:
        return _turn_thread()
