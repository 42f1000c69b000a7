"""What the language model can do besides talk: end the call, and call the persona's web services."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import FunctionCallResultProperties
from pipecat.services.llm_service import FunctionCallParams, LLMService

from agents.tools.definitions import ToolSpec
from workers.providers import services
from workers.tools.tool_uses import ToolUses

END_CALL = FunctionSchema(
    name=services.END_CALL,
    description="Hang up. Use it when the conversation is over; say goodbye in the same reply.",
    properties={"reason": {"type": "string", "description": "Why the conversation is over, in a few words."}},
    required=[],
)


def schema(tools: list[ToolSpec]) -> ToolsSchema:
    """The tools as the language model sees them, `end_call` included."""
    return ToolsSchema(
        standard_tools=[
            END_CALL,
            *(
                FunctionSchema(
                    name=tool.name,
                    description=tool.description,
                    properties=tool.parameters.get("properties", {}),
                    required=tool.parameters.get("required", []),
                )
                for tool in tools
            ),
        ]
    )


@dataclass(frozen=True, slots=True)
class Registration:
    """What the tools of one call are connected with.

    `end_call` returns once the goodbye has been heard. `caller_turn_over` is awaited before a result is handed over:
    Pipecat keeps a result back that comes while it believes the caller to be speaking, and a tool can be quicker than
    the end of the turn is in reaching the pipeline's last processor. `answered` is called with every result.
    """

    uses: ToolUses
    end_call: Callable[[], Awaitable[None]]
    caller_turn_over: Callable[[], Awaitable[object]]
    answered: Callable[[], None]

    def all(self, llm: LLMService[Any], tools: list[ToolSpec]) -> None:
        """Connect `end_call` and the persona's tools to the language model."""
        llm.register_function(END_CALL.name, self._hang_up, timeout_secs=60)
        for tool in tools:
            # The deadline is the request's own, so that its failure is a result that the model can speak about.
            llm.register_function(tool.name, self._handler(tool), timeout_secs=tool.timeout_s + 10)

    async def _hang_up(self, params: FunctionCallParams) -> None:
        await params.result_callback({"status": "ended"}, properties=FunctionCallResultProperties(run_llm=False))
        await self.end_call()

    def _handler(self, tool: ToolSpec) -> Callable[[FunctionCallParams], Awaitable[None]]:
        async def handle(params: FunctionCallParams) -> None:
            use = await self.uses.use(tool, params.arguments)
            await self.caller_turn_over()
            self.answered()
            await params.result_callback(use.answer.told)
            self.uses.keep(use)  # now: what the caller interrupts before, the model has never heard of

        return handle
