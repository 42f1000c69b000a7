"""A language model's answer as it comes, whoever the vendor is.

Pipecat's services do the vendor's protocol. `Answering` has one hand what it says to who asked, instead of to a
neighbor in a pipeline; `Answer` is what it has said.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from pipecat.frames.frames import ErrorFrame, Frame, FunctionCallFromLLM, LLMContextFrame, LLMTextFrame
from pipecat.metrics.metrics import LLMTokenUsage
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import LLMService

from workers import metrics

NEXT_PART_S = 5.0  # a reply that stops in mid-sentence is given up


class Answering(LLMService[Any]):
    """Mixed in before one of Pipecat's language models."""

    _answer: "Answer | None" = None

    async def answer(self, context: LLMContext, answer: "Answer") -> None:
        """Have the model answer, and hand over what comes. Returns when all has come."""
        self._answer = answer
        await self.process_frame(LLMContextFrame(context=context), FrameDirection.DOWNSTREAM)

    async def warm_up(self) -> None:
        """Open the connection with a request that costs nothing. Raises whatever the vendor's library raises."""

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        if self._answer is not None and isinstance(frame, LLMTextFrame):
            self._answer.add(frame.text)

    async def push_error_frame(self, error: ErrorFrame, force_treat_as_permanent: bool = False) -> None:
        if self._answer is not None:
            self._answer.fail(error.exception or RuntimeError(error.error))

    async def run_function_calls(self, function_calls: Sequence[FunctionCallFromLLM]) -> None:
        if self._answer is not None and function_calls:
            self._answer.add(function_calls)

    async def stop_ttfb_metrics(self, *args: Any, **kwargs: Any) -> None:
        """Pipecat notes here that a part of the answer has come, whatever it holds."""
        if self._answer is not None:
            self._answer.came()

    async def stop_ttfat_metrics(self, *args: Any, **kwargs: Any) -> None:
        """Pipecat notes here that the first words have come, or the call of a tool has begun."""
        if self._answer is not None:
            self._answer.begin()

    async def start_llm_usage_metrics(self, tokens: LLMTokenUsage) -> None:
        """Vendors tell with the last part what a reply took."""
        if self._answer is not None:
            self._answer.used(tokens)


type Part = str | Sequence[FunctionCallFromLLM]


class Answer:
    """What one model says to one context. Ends with its parts, or with the error that it failed with."""

    def __init__(self, model: Answering, context: LLMContext, provider: str) -> None:
        self._provider = provider
        self._parts: asyncio.Queue[Part | Exception | None] = asyncio.Queue()
        self._begun = asyncio.Event()
        self._error: Exception | None = None
        self._last_came = 0.0
        self._has_parts = False
        self._task = asyncio.create_task(self._run(model, context))

    async def begin_within(self, seconds: float) -> None:
        """Wait for the first words, or the call of a tool. Raises TimeoutError, or what the model failed with."""
        async with asyncio.timeout(seconds):
            await self._begun.wait()
        if self._error and not self._has_parts:
            raise self._error

    async def parts(self) -> AsyncGenerator[Part]:
        """Text, and at last the calls of tools. Raises TimeoutError when the model falls silent, or its error."""
        while True:
            part = await self._next()
            if part is None:
                return
            if isinstance(part, Exception):
                raise part
            yield part

    async def close(self) -> None:
        """Stop the model, and release its connection."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _next(self) -> Part | Exception | None:
        """The next part; as long as something comes, as the arguments of a tool do, it may take its time."""
        loop = asyncio.get_running_loop()
        while True:
            waited_from = loop.time()
            try:
                async with asyncio.timeout(NEXT_PART_S):
                    return await self._parts.get()
            except TimeoutError:
                if self._last_came <= waited_from:
                    raise

    # --- What the model tells -----------------------------------------------------------------------------------------

    async def _run(self, model: Answering, context: LLMContext) -> None:
        try:
            await model.answer(context, self)
        except Exception as error:
            self.fail(error)
        if not self._has_parts:
            self.fail(ValueError("the answer is empty"))
        self._parts.put_nowait(None)

    def came(self) -> None:
        """Something has come."""
        self._last_came = asyncio.get_running_loop().time()

    def begin(self) -> None:
        """What has come belongs to the answer proper."""
        self.came()
        self._begun.set()

    def add(self, part: Part) -> None:
        """Words, or the calls of tools, have come."""
        self._has_parts = True
        self._parts.put_nowait(part)
        self.begin()

    def used(self, tokens: LLMTokenUsage) -> None:
        """So many tokens have been read and written."""
        cached = tokens.cache_read_input_tokens or 0
        metrics.tokens(self._provider, tokens.prompt_tokens, tokens.completion_tokens, cached)

    def fail(self, error: Exception) -> None:
        """The model failed; what it said before stands."""
        if self._error is None:
            self._error = error
            self._parts.put_nowait(error)
            self._begun.set()
