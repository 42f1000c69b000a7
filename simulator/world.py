"""What all simulated providers share: speech engines, the active scenario, delays, faults, and a record of requests."""

import logging
import os
import random
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

import numpy as np
from aiohttp import web

from simulator.faults import FaultBoard, Stage
from simulator.llm.offline.brain import OfflineBrain
from simulator.profiles import (
    CLEAR_END_MS,
    FRAME_S,
    LOCAL_EAGER_FLOOR_MS,
    LOCAL_END_OF_TURN_FLOOR_MS,
    PROFILES,
    Delay,
    Profile,
    ProfileName,
)
from simulator.scenario import Scenario, ScenarioError, Words, load_all, load_scenario, parse_scenario
from simulator.speech.pcm import SAMPLE_RATE, trim_silence
from simulator.speech.recognition import WORDS_PER_SECOND, Recognizer, make_recognizer
from simulator.speech.synthesis import CALLER_VOICE, SynthesisError, Synthesizer, make_synthesizer

Speech = Literal["local", "scripted"]

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8090
DEFAULT_SCENARIO = "appointment"
_KEPT_REQUESTS = 50

log = logging.getLogger(__name__)


class SettingError(ValueError):
    """A setting that cannot be; the message names it and the cure."""


@dataclass(frozen=True)
class Settings:
    """How to run the simulator. `host` is the address to serve on; `port` 0 takes a free one; `seed` makes the delays
    repeatable.

    `llm_url` is the base URL of an OpenAI-compatible API that answers instead of the scenario; `llm_model` replaces the
    model's name in forwarded requests when it is not empty.
    """

    port: int = DEFAULT_PORT
    speech: Speech = "local"
    profile: ProfileName = "published"
    scenario: str = DEFAULT_SCENARIO
    llm_url: str = ""
    llm_model: str = ""
    seed: int | None = None
    host: str = DEFAULT_HOST

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read SIMULATOR_PORT, _SPEECH, _PROFILE, _LLM_URL and _LLM_MODEL. Raises SettingError."""
        port = environment.get("SIMULATOR_PORT") or str(DEFAULT_PORT)
        if not port.isdigit() or int(port) > 65535:
            raise SettingError(f"SIMULATOR_PORT is {port!r}: give a port number up to 65535")
        speech = environment.get("SIMULATOR_SPEECH") or "local"
        if speech not in get_args(Speech):
            raise SettingError(f"SIMULATOR_SPEECH is {speech!r}: use local or scripted")
        profile = environment.get("SIMULATOR_PROFILE") or "published"
        if profile not in get_args(ProfileName):
            raise SettingError(f"SIMULATOR_PROFILE is {profile!r}: use none or published")
        return cls(
            port=int(port),
            speech=cast(Speech, speech),
            profile=cast(ProfileName, profile),
            llm_url=environment.get("SIMULATOR_LLM_URL", ""),
            llm_model=environment.get("SIMULATOR_LLM_MODEL", ""),
        )


@dataclass
class RequestLog:
    """Counts of connections and requests by kind, and the last bodies that the LLM got."""

    counts: Counter[str] = field(default_factory=Counter)
    llm_bodies: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_KEPT_REQUESTS))

    def describe(self) -> dict[str, Any]:
        """As JSON: `counts` by kind such as "stt.flux", and `llm`, the bodies, oldest first."""
        return {"counts": dict(self.counts), "llm": list(self.llm_bodies)}


class World:
    """The state of one simulator process."""

    def __init__(self, settings: Settings) -> None:
        """Load the scenarios. Raises ScenarioError when one is wrong or the chosen one does not exist."""
        self.settings = settings
        self.scenarios: dict[str, Scenario] = load_all()
        self.scenario: Scenario = self._choose(settings.scenario)
        self.profile: Profile = PROFILES[settings.profile]
        self.rng = random.Random(settings.seed)  # noqa: S311 - delays, not secrets
        self.faults = FaultBoard()
        self.ready = False
        self.requests = RequestLog()
        self.brain = OfflineBrain()
        self.synthesizer: Synthesizer = make_synthesizer(settings.speech)
        self.recognizer: Recognizer = make_recognizer(settings.speech, self.caller_words, self.line_s)

    def _choose(self, name: str) -> Scenario:
        if name.endswith((".yaml", ".yml")):
            scenario = load_scenario(name)
            self.scenarios[scenario.name] = scenario
            return scenario
        if name not in self.scenarios:
            raise ScenarioError(
                f"scenario {name!r} does not exist: use one of {', '.join(self.scenarios)} or a YAML file"
            )
        return self.scenarios[name]

    def choose_scenario(self, name: str) -> None:
        """Make a loaded scenario, or that of a YAML file's path, the active one. Raises ScenarioError."""
        self.scenario = self._choose(name)

    def add_scenario(self, text: str) -> None:
        """Load a scenario from YAML text and make it the active one. Raises ScenarioError."""
        scenario = parse_scenario(text, source="yaml")
        self.scenarios[scenario.name] = scenario
        self.scenario = scenario

    def choose_profile(self, name: str) -> None:
        """Change the delays of what comes next. Raises SettingError."""
        if name not in PROFILES:
            raise SettingError(f"profile {name!r} does not exist: use none or published")
        self.profile = PROFILES[name]

    def end_of_turn_s(self) -> tuple[float, float, float]:
        """Draw the silence, in seconds, before (EagerEndOfTurn, EndOfTurn, EndOfTurn after a clear end) of one turn.

        The first leaves the service a frame to judge what was said.
        """
        end_s = self.profile.end_of_turn.sample_s(self.rng)
        clear_s = min(end_s, CLEAR_END_MS / 1000)
        eager_s = max(self.profile.eager_floor_ms / 1000, clear_s - self.profile.eager_lead.sample_s(self.rng))
        if self.settings.speech == "local":
            floor_s, eager_s = LOCAL_END_OF_TURN_FLOOR_MS / 1000, max(eager_s, LOCAL_EAGER_FLOOR_MS / 1000)
            end_s, clear_s = max(end_s, floor_s), max(clear_s, floor_s)
        return min(eager_s, clear_s - FRAME_S), end_s, clear_s

    def unfinished_s(self) -> float:
        """Draw the least silence, in seconds, before EndOfTurn within a sentence."""
        return self.profile.unfinished.sample_s(self.rng)

    def final_s(self, delay: Delay) -> float:
        """Draw the silence, in seconds, before the final transcript of a service that only transcribes."""
        final_s = delay.sample_s(self.rng)
        return max(final_s, LOCAL_END_OF_TURN_FLOOR_MS / 1000) if self.settings.speech == "local" else final_s

    def stt_final_s(self) -> float:
        """Draw that of Nova."""
        return self.final_s(self.profile.stt_final)

    def stt_interim_s(self) -> float:
        """Draw the time, in seconds, from a word's end to the transcript in which it stands."""
        return self.profile.stt_interim.sample_s(self.rng)

    def caller_words(self) -> list[Words]:
        """Everything that the caller of a loaded scenario may say."""
        return [words for scenario in self.scenarios.values() for words in scenario.caller.words()]

    async def line_s(self, text: str) -> float:
        """The length of a line in the synthetic caller's voice, in seconds; a guess if it cannot be made."""
        try:
            pcm = await self.synthesizer.synthesize(text, CALLER_VOICE)
        except SynthesisError as error:
            log.warning("the length of a line is guessed: %s", error)
            return len(text.split()) / WORDS_PER_SECOND
        return len(trim_silence(np.frombuffer(pcm, dtype=np.int16))) / SAMPLE_RATE

    def count(self, stage: Stage, kind: str) -> None:
        """Record a connection or request."""
        self.requests.counts[f"{stage}.{kind}"] += 1

    def close(self) -> None:
        """Stop the engines."""
        self.brain.close()
        self.recognizer.close()
        self.synthesizer.close()


WORLD: web.AppKey[World] = web.AppKey("world", World)
