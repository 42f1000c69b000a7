"""A language model that is answered for by another one when it fails, within the same reply.

What counts is the first word of the reply: before it, another model may be asked the same question without anybody
noticing but for the wait. The caller is told to wait meanwhile.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast

import structlog
from openai import APIConnectionError, APITimeoutError, AsyncStream
from openai.types.chat import ChatCompletionChunk
from pipecat.frames.frames import TTSSpeakFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.utils.errors import ErrorCategory, classify_http_exception

from workers.providers import circuits
from workers.providers.openai.language_model import PooledLLM
from workers.providers.targets import Target

log = structlog.get_logger(__name__)

HOLD_ON_AFTER_S = 1.0  # from the request; the words take another second, in which the reply gets ready
FIRST_TOKEN_S = 1.5  # from the request; OpenAI's chat models take 0.3 to 0.8 s, and the caller waits 3 s at most
LAST_FIRST_TOKEN_S = 4.0  # for the last model that is left: nobody else would be quicker
NEXT_TOKEN_S = 5.0  # a reply that stops in mid-sentence is given up


class FailoverLLM(PooledLLM):
    """Asks the first of its targets that answers in time, and meanwhile has the caller told to `hold_on`.

    Event `on_failover` (service, failed target, next target, why): the reply is asked of another model. Event
    `on_answered` (service): a reply has begun. When the last target fails, too, an error is pushed as by Pipecat's own.
    """

    def __init__(self, targets: list[Target], hold_on: str, **kwargs: Any) -> None:
        super().__init__(api_key=targets[0].api_key, base_url=targets[0].base_url, **kwargs)
        self._targets = targets
        self._hold_on_text = hold_on
        self._register_event_handler("on_failover")
        self._register_event_handler("on_answered", sync=True)

    async def get_chat_completions(self, context: LLMContext) -> AsyncStream[ChatCompletionChunk]:
        """The reply as a stream that has begun: its first words are there."""
        holding = self.create_task(self._hold_on_later(), f"{self}::hold_on")
        try:
            return await self._first_answer(context, holding)
        finally:
            await self.cancel_task(holding)

    async def _first_answer(self, context: LLMContext, holding: asyncio.Task[None]) -> AsyncStream[ChatCompletionChunk]:
        targets = circuits.providers.order(self._targets)
        for number, target in enumerate(targets):
            is_last = target is targets[-1]
            try:
                reply = await self._ask(target, context, LAST_FIRST_TOKEN_S if is_last else FIRST_TOKEN_S)
            except Exception as error:
                circuits.providers.failed(target)
                if is_last:
                    raise
                why = _in_words(error)
                log.warning("llm_failed_over", failed=str(target), next=str(targets[number + 1]), why=why)
                await self._call_event_handler("on_failover", target, targets[number + 1], why)
                if number == 0 and not holding.done():
                    holding.cancel()
                    await self._hold_on()
            else:
                circuits.providers.worked(target)
                await self._call_event_handler("on_answered")
                return reply
        raise AssertionError("a language model has at least one target")

    async def _hold_on_later(self) -> None:
        await asyncio.sleep(HOLD_ON_AFTER_S)
        await self._hold_on()

    async def _hold_on(self) -> None:
        await self.push_frame(TTSSpeakFrame(self._hold_on_text))

    def _classify_error(self, exception: Exception) -> ErrorCategory:
        """Never permanent, because the next reply may be another model's."""
        category = classify_http_exception(exception)
        return ErrorCategory.UNKNOWN if category.is_permanent else category

    async def _ask(self, target: Target, context: LLMContext, within_s: float) -> AsyncStream[ChatCompletionChunk]:
        self._client = self.create_client(target.api_key, target.base_url)
        self._settings.model = target.model  # type: ignore[attr-defined]  # Pipecat's alias
        async with asyncio.timeout(within_s):
            try:
                stream = await super().get_chat_completions(context)
            except APITimeoutError:
                raise
            except APIConnectionError:  # one that was kept open has been closed by the other side: a new one will do
                stream = await super().get_chat_completions(context)
            begun = _Begun(stream)
            try:
                await begun.begin()
            except BaseException:
                await begun.close()
                raise
        return begun  # type: ignore[return-value]  # has what Pipecat uses of a stream


class _Begun:
    """A stream whose chunks up to the first with content are read already. The next ones have a deadline each."""

    def __init__(self, stream: AsyncStream[ChatCompletionChunk]) -> None:
        self._stream = stream
        self._chunks = cast(AsyncGenerator[ChatCompletionChunk], aiter(stream))
        self._read: list[ChatCompletionChunk] = []

    async def begin(self) -> None:
        """Read on to the first words or call of a tool. Raises ValueError for an answer that holds neither."""
        async for chunk in self._chunks:
            self._read.append(chunk)
            delta = chunk.choices[0].delta if chunk.choices else None
            if delta and (delta.content or delta.tool_calls):
                return
        raise ValueError("the answer is empty")

    async def __aiter__(self) -> AsyncIterator[ChatCompletionChunk]:
        for chunk in self._read:
            yield chunk
        while True:
            async with asyncio.timeout(NEXT_TOKEN_S):
                try:
                    chunk = await anext(self._chunks)
                except StopAsyncIteration:
                    return
            yield chunk

    async def close(self) -> None:
        """Release the connection."""
        await self._chunks.aclose()
        await self._stream.close()


def _in_words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    status = getattr(error, "status_code", None)
    return f"status {status}" if status else type(error).__name__
