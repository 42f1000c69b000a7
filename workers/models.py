"""Voice activity and smart-turn models: one ONNX session a process, the recurrent state a call.

Pipecat loads a session with every analyzer, 10 to 25 MB each. ONNX sessions may be run from several threads at once.
"""

from functools import cache
from importlib.resources import files

import onnxruntime
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroOnnxModel, SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams

VAD_STOP_S = 0.2  # seconds of silence after which Pipecat's published transcription latencies are counted


@cache
def _session(package: str, file: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        str(files(package).joinpath(file)), sess_options=options, providers=["CPUExecutionProvider"]
    )


def _vad_session() -> onnxruntime.InferenceSession:
    return _session("pipecat.audio.vad.data", "silero_vad.onnx")


def _turn_session() -> onnxruntime.InferenceSession:
    return _session("pipecat.audio.turn.smart_turn.data", "smart-turn-v3.2-cpu.onnx")


def load() -> None:
    """Load both models now rather than at the first call that needs them."""
    _vad_session()
    _turn_session()


class _SileroState(SileroOnnxModel):
    """Silero's recurrent state for one call, over the shared session."""

    def __init__(self) -> None:
        self.session = _vad_session()
        self.reset_states()  # type: ignore[no-untyped-call]  # Pipecat's
        self.sample_rates = [8000, 16000]


class SharedSileroVad(SileroVADAnalyzer):
    """Silero VAD for one call: 16 kHz mono, 512-sample windows."""

    def __init__(self) -> None:
        VADAnalyzer.__init__(self, params=VADParams(stop_secs=VAD_STOP_S))
        self._model = _SileroState()
        self._windows_since_reset = 0
        self._low_confidence_windows = 0


class SharedSmartTurn(LocalSmartTurnAnalyzerV3):
    """Smart-turn v3 for one call."""

    def __init__(self) -> None:
        BaseSmartTurn.__init__(self, params=SmartTurnParams())
        self._log_data = False
        self._session = _turn_session()
