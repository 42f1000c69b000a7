"""Which part of the simulator answers: the active scenario first, and the prompt where the scenario leaves it to it."""

from simulator.llm import scripted
from simulator.llm.conversation import Conversation
from simulator.llm.scripted import Answer
from simulator.world import World


async def answer(world: World, conversation: Conversation) -> Answer:
    """Answer the last message."""
    found = scripted.answer(world.scenario.agent, conversation)
    return found or Answer(await world.brain.answer(conversation))
