"""OpenAI's chat protocol over connections that all calls of a process share.

Pipecat makes a client for every call and closes none: each loads the certificate authorities (0.8 MB, and 20 to 50 ms
in which the call loop stands still), and each call's first reply waits for a new connection.
"""

from typing import Any
from urllib.parse import quote

from openai import APIConnectionError, APITimeoutError, AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletionChunk
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.openai.llm import OpenAILLMService

from workers.providers.answering import Answering
from workers.providers.shared_clients import shared_client
from workers.providers.targets import Target

# imported by OpenAI's library with the first request
USED_LATE = ("openai.lib.streaming.chat", "openai.resources.chat.completions.completions")


class OpenAI(Answering, OpenAILLMService):
    """Pipecat's service, whose connections outlive the call."""

    def create_client(self, api_key: Any = None, base_url: Any = None, *args: Any, **kwargs: Any) -> AsyncOpenAI:
        """The running loop's client for this key and address; made with Pipecat's settings by the first call."""

        def make() -> AsyncOpenAI:
            client: AsyncOpenAI = super(OpenAI, self).create_client(  # type: ignore[no-untyped-call]  # Pipecat's
                api_key, base_url, *args, **kwargs
            )
            client.max_retries = 0  # who is asked next, and when, is decided by workers/providers/failover/llm.py
            return client

        return shared_client((AsyncOpenAI, api_key, base_url), make)

    async def get_chat_completions(self, context: LLMContext) -> AsyncStream[ChatCompletionChunk]:
        try:
            return await super().get_chat_completions(context)
        except APITimeoutError:
            raise
        except APIConnectionError:  # one that was kept open has been closed by the other side: a new one will do
            return await super().get_chat_completions(context)

    async def warm_up(self) -> None:
        await self._client.get(f"/models/{quote(str(self._settings.model), safe='')}", cast_to=object)  # type: ignore[attr-defined]  # Pipecat's alias


def language_model(target: Target, system_prompt: str) -> OpenAI:
    """A model that answers to this prompt."""
    return OpenAI(
        api_key=target.api_key,
        base_url=target.base_url,
        settings=OpenAI.Settings(model=target.model, system_instruction=system_prompt),
    )
