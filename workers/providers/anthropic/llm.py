"""Anthropic's language models over connections that all calls of a process share."""

from typing import Any

from anthropic import APIConnectionError, APITimeoutError, AsyncAnthropic
from pipecat.services.anthropic.llm import AnthropicLLMService

from workers.providers.answering import Answering
from workers.providers.shared_clients import shared_client
from workers.providers.targets import Target

USED_LATE = ("anthropic.resources.beta.messages",)  # imported by Anthropic's library with the first request
LONGEST_ANSWER = 1024  # tokens; Anthropic wants a bound, and a spoken reply has a tenth of it


class Anthropic(Answering, AnthropicLLMService):
    """Pipecat's service, with a second try on a connection that the other side has closed meanwhile."""

    async def _create_message_stream(self, api_call: Any, params: Any) -> Any:
        try:
            return await super()._create_message_stream(api_call, params)  # type: ignore[no-untyped-call]
        except APITimeoutError:
            raise
        except APIConnectionError:
            return await super()._create_message_stream(api_call, params)  # type: ignore[no-untyped-call]

    async def warm_up(self) -> None:
        await self._client.models.retrieve(str(self._settings.model))  # type: ignore[attr-defined]  # Pipecat's alias


def language_model(target: Target, system_prompt: str) -> Anthropic:
    """A model that answers to this prompt."""

    def make() -> AsyncAnthropic:
        # who is asked next, and when, is decided by workers/providers/failover/llm.py
        return AsyncAnthropic(api_key=target.api_key, base_url=target.base_url, max_retries=0)

    return Anthropic(
        api_key=target.api_key,
        client=shared_client((AsyncAnthropic, target.api_key, target.base_url), make),
        settings=Anthropic.Settings(
            model=target.model,
            system_instruction=system_prompt,
            max_tokens=LONGEST_ANSWER,
            enable_prompt_caching=True,
        ),
    )
