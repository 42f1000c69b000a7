"""The agent's turns, as the language model is told of them."""

from pipecat.processors.aggregators.llm_response_universal import LLMAssistantAggregator


class AgentTurns(LLMAssistantAggregator):
    """Keeps in mind that the model is to be asked about a tool's result, whatever else the agent says before.

    Pipecat waits with the question while the agent speaks, and forgets it at the end of a line that was queued behind
    the result, such as a silence prompt. The caller would never hear what the tool found.
    """

    async def push_aggregation(self) -> str:
        """Note what the agent has said; called by Pipecat at the end of everything that it says."""
        is_deferred, is_owed = self._push_context_on_bot_stopped_speaking, self._context_push_owed
        said = await super().push_aggregation()
        self._push_context_on_bot_stopped_speaking, self._context_push_owed = is_deferred, is_owed
        return said
