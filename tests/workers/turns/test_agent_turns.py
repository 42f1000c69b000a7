"""What a tool has found is told to the model, whatever the agent says meanwhile."""

from typing import Any

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    FunctionCallFromLLM,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    InterruptionFrame,
    LLMContextAssistantTimestampFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TTSTextFrame,
)
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext

from tests.sink import Sink, running
from workers.turns.agent_turns import AgentTurns

CALL: dict[str, Any] = {"function_name": "find_order", "tool_call_id": "1", "arguments": {}}


async def _find_while_speaking(worker: PipelineWorker, context: LLMContext) -> None:
    """A tool is called, and its result comes while the agent speaks."""
    call = FunctionCallFromLLM(context=context, **CALL)
    for frame in (
        BotStartedSpeakingFrame(),
        FunctionCallsStartedFrame([call]),
        FunctionCallInProgressFrame(**CALL, cancel_on_interruption=True),
        FunctionCallResultFrame(**CALL, result="It arrives on Monday."),
    ):
        await worker.queue_frame(frame)


async def _say(worker: PipelineWorker, words: str) -> None:
    line = TTSTextFrame(words, "word")
    line.append_to_context = True
    for frame in (LLMFullResponseStartFrame(), line, LLMFullResponseEndFrame()):
        await worker.queue_frame(frame)


async def test_a_line_that_is_said_after_the_result_makes_nobody_forget_it() -> None:
    context, up = LLMContext(), Sink()
    async with running(up, AgentTurns(context), down := Sink()) as worker:
        await _find_while_speaking(worker, context)
        await _say(worker, "Are you still there?")
        await down.until(LLMContextAssistantTimestampFrame)
        assert up.of(LLMContextFrame) == []
        await worker.queue_frame(BotStoppedSpeakingFrame())
        asked = await up.until(LLMContextFrame)

    assert "It arrives on Monday." in str(asked.context.messages)


async def test_a_caller_who_interrupts_is_answered_instead() -> None:
    context, up = LLMContext(), Sink()
    async with running(up, AgentTurns(context), down := Sink()) as worker:
        await _find_while_speaking(worker, context)
        await _say(worker, "Are you still there?")
        await down.until(LLMContextAssistantTimestampFrame)
        await worker.queue_frame(InterruptionFrame())
        await down.until(InterruptionFrame)
        await worker.queue_frame(BotStoppedSpeakingFrame())
        await down.until(BotStoppedSpeakingFrame)

    assert up.of(LLMContextFrame) == []
