"""OpenAI's chat protocol over connections that all calls of a process share.

Pipecat makes a client for every call and closes none: each loads the certificate authorities (0.8 MB, and 20 to 50 ms
in which the call loop stands still), and each call's first reply waits for a new connection.
"""

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from openai import AsyncOpenAI
from pipecat.metrics.metrics import LLMTokenUsage
from pipecat.services.openai.llm import OpenAILLMService

from workers import metrics

type _Clients = dict[tuple[str | None, str | None], AsyncOpenAI]
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, _Clients] = WeakKeyDictionary()


class PooledLLM(OpenAILLMService):
    """A language model whose connections outlive the call."""

    def create_client(self, api_key: Any = None, base_url: Any = None, *args: Any, **kwargs: Any) -> AsyncOpenAI:
        """The running loop's client for this key and address; made with Pipecat's settings by the first call."""
        clients = _clients.setdefault(asyncio.get_running_loop(), {})
        if (api_key, base_url) not in clients:
            made = super().create_client(api_key, base_url, *args, **kwargs)  # type: ignore[no-untyped-call]
            made.max_retries = 0  # who is asked next, and when, is decided by workers/providers/failover/llm.py
            clients[api_key, base_url] = made
        return clients[api_key, base_url]

    async def start_llm_usage_metrics(self, tokens: LLMTokenUsage) -> None:
        """Count what a reply took; OpenAI tells it with the last chunk."""
        cached = tokens.cache_read_input_tokens or 0
        metrics.tokens("openai", tokens.prompt_tokens, tokens.completion_tokens, cached)
        await super().start_llm_usage_metrics(tokens)
