"""A language model and a voice, with their providers simulated, and what leaves them towards the caller."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from pipecat.frames.frames import ErrorFrame, Frame, LLMContextFrame, LLMFullResponseEndFrame
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pytest_django import Settings

from agents.models import PersonaVersion
from agents.providers import registry
from simulator.app import running_simulator
from tests.sink import Sink, running
from workers.providers import services
from workers.providers.speech.cached_lines import CallLines
from workers.tools import functions

SCENARIO = """
name: replying
caller:
  steps: [hang_up]
agent:
  default: "Could you say it again?"
  rules:
    - when: [hours]
      say: "We are open from nine to five, and on Saturday from ten to two. Do you want to come by?"
    - when: [goodbye]
      say: "Thank you for calling."
      call: {name: end_call, arguments: {reason: "done"}}
"""


@dataclass
class Replying:
    """`failovers` are (failed model, next model, why), `mutes` models that gave no sound, `errors` what the pipeline
    reports.
    """

    url: str
    worker: PipelineWorker
    llm: Any
    tts: Any
    said: Sink
    failovers: list[tuple[str, str, str]]
    mutes: list[str]
    errors: list[str] = field(default_factory=list)
    done: int = 0
    is_done: asyncio.Event = field(default_factory=asyncio.Event)

    async def fault(self, stage: str, kind: str, **values: Any) -> None:
        """Have the simulator fail from now on."""
        await self._control("PUT", "faults", {"stage": stage, "kind": kind, **values})

    async def ask(self, words: str, *, speculation: bool = False) -> None:
        """Have the model answer."""
        context = LLMContext([{"role": "user", "content": words}], tools=functions.schema([]))
        await self.worker.queue_frame(LLMContextFrame(context=context, speculation=speculation))

    async def until_model_is_done(self, count: int) -> None:
        """Wait for the end of so many replies, heard or not."""
        async with asyncio.timeout(15):
            while self.done < count:
                self.is_done.clear()
                await self.is_done.wait()

    async def note_pushed(self, _llm: Any, frame: Frame) -> None:
        """Count the ends of replies."""
        if isinstance(frame, LLMFullResponseEndFrame):
            self.done += 1
            self.is_done.set()

    async def models_asked(self) -> list[str]:
        """The models of the requests to the language model, oldest first."""
        answer = await self._control("GET", "requests")
        return [body["model"] for body in answer["llm"]]

    async def _control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        async with httpx.AsyncClient() as client:
            answer = await client.request(method, f"{self.url}/control/{path}", json=body)
            return answer.raise_for_status().json()


def use_simulator(settings: Settings, url: str) -> None:
    """Have all providers be the simulator at this address."""
    for provider in registry.all():
        for prefix in ("", "FALLBACK_"):
            address = f"{url}/v1" if provider.name == "openai" else url
            setattr(settings, f"{prefix}{provider.url_variable}", address)
            setattr(settings, f"{prefix}{provider.key_variable}", "simulator")


@asynccontextmanager
async def replying(settings: Settings, *faults: dict[str, Any], **version: Any) -> AsyncIterator[Replying]:
    """Both run, with these faults from the beginning."""
    async with running_simulator() as url:
        use_simulator(settings, url)
        async with httpx.AsyncClient() as control:
            (await control.put(f"{url}/control/scenario", json={"yaml": SCENARIO})).raise_for_status()
            for fault in faults:
                (await control.put(f"{url}/control/faults", json=fault)).raise_for_status()
        values = {"voice_id": "JBFqnCBsd6RMkjVDRZzb", **version}
        persona = PersonaVersion(prompt="You sell bread.", number=1, **values)
        llm = services.make_llm(persona)
        tts = services.make_tts(persona, CallLines(), llm)
        said = Sink()
        failovers: list[tuple[str, str, str]] = []

        async def note(_service: Any, failed: Any, taken: Any, why: str) -> None:
            failovers.append((failed.model, taken.model, why))

        for service in (llm, tts):
            service.add_event_handler("on_failover", note)
        mutes: list[str] = []

        async def note_mute(_service: Any, target: Any) -> None:
            mutes.append(target.model)

        tts.add_event_handler("on_mute", note_mute)
        async with running(llm, tts, said) as worker:
            parts = Replying(url, worker, llm, tts, said, failovers, mutes)

            async def note_error(_worker: Any, frame: ErrorFrame) -> None:
                parts.errors.append(frame.error)

            worker.add_event_handler("on_pipeline_error", note_error)
            llm.add_event_handler("on_after_push_frame", parts.note_pushed)
            yield parts
