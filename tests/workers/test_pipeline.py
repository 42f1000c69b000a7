"""What a published version becomes: a list of processors, and models that a process loads once."""

from unittest.mock import AsyncMock, Mock

import numpy as np
import pytest
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.services.openai.llm import OpenAILLMService

from agents.choices import TurnPolicy
from agents.models import PersonaVersion
from agents.tools.definitions import ToolSpec
from workers import pipeline
from workers.media.transport import CallTransport
from workers.providers import services
from workers.providers.deepgram.flux import Flux
from workers.providers.deepgram.nova import Nova
from workers.providers.speech.cached_lines import CallLines
from workers.tools import functions
from workers.turns import detectors


def _version(**values: object) -> PersonaVersion:
    return PersonaVersion(prompt="You sell bread.", voice_id="rachel", number=1, **values)


SMART_TURN = {"turn_policy": TurnPolicy.SMART_TURN, "stt_model": "nova-3-general"}


async def test_a_pipeline_reads_from_the_callers_ear_to_the_callers_ear() -> None:
    transport = CallTransport("call-1", "agent-1", "sip_1")
    names = [type(processor).__name__ for processor in pipeline.build(_version(), transport, CallLines()).processors]
    assert names == [
        "CallerEar",
        "FailoverSTT",
        "CallerTurns",
        "FailoverLLM",
        "FailoverTTS",
        "AgentVoice",
        "AgentTurns",
    ]


@pytest.mark.parametrize(("values", "service"), [({}, Flux), (SMART_TURN, Nova)])
async def test_the_turn_policy_chooses_the_recognizer(values: dict[str, str], service: type) -> None:
    assert type(services.make_stt(_version(**values)).service) is service


def test_the_model_is_told_the_supervisors_prompt_the_language_and_that_it_is_on_the_telephone() -> None:
    prompt = services.system_prompt(_version(language="fr"))
    assert prompt.startswith("You sell bread.")
    assert "on the telephone" in prompt
    assert "in French" in prompt


def test_the_models_are_loaded_once_a_process_and_their_state_once_a_call() -> None:
    first, second = detectors.SharedSileroVad(), detectors.SharedSileroVad()
    assert first._model.session is second._model.session
    assert first._model._state is not second._model._state
    assert detectors.SharedSmartTurn()._session is detectors.SharedSmartTurn()._session


def test_a_shared_vad_hears_as_pipecats_own() -> None:
    ours, theirs = detectors.SharedSileroVad(), SileroVADAnalyzer()
    for analyzer in (ours, theirs):
        analyzer.set_sample_rate(16_000)
    window = bytes(range(256)) * 4
    confidences = [np.ravel(analyzer.voice_confidence(window))[0] for analyzer in (ours, theirs)]
    assert confidences[0] == pytest.approx(confidences[1])
    assert vars(ours).keys() == vars(theirs).keys()


def test_shared_smart_turn_has_what_pipecats_own_has() -> None:
    assert vars(detectors.SharedSmartTurn()).keys() == vars(LocalSmartTurnAnalyzerV3()).keys()


def test_the_model_knows_its_tools_and_how_to_hang_up() -> None:
    spec = ToolSpec("find_order", "Finds.", {"type": "object", "properties": {}}, "https://example.com/", 5.0)
    assert [tool.name for tool in functions.schema([spec]).standard_tools] == ["end_call", "find_order"]
    llm = OpenAILLMService(api_key="key")
    functions.Registration(Mock(), AsyncMock(), AsyncMock(), Mock()).all(llm, [spec])
    assert llm.has_function("end_call")
    assert llm.has_function("find_order")
