"""What a newcomer asks the demo's persona is answered from its prompt, as workers send it."""

import pytest

from calls.management.commands.seed_demo import PROMPT
from simulator.llm import answering
from simulator.llm.conversation import Conversation, Message
from simulator.llm.offline.brain import NOTHING_FOUND, OfflineBrain
from simulator.scenario import load_all
from simulator.world import Settings, World
from workers.providers.services import PHONE_RULES

SENT = f"{PROMPT}\n\n{PHONE_RULES.format(language='English')}"

ANSWERED = [
    ("When are you open?", "nine to five"),
    ("What are your opening hours?", "nine to five"),
    ("Hello, could you tell me your opening hours, please?", "nine to five"),
    ("Are you open on Saturday?", "Monday to Friday"),
    ("How much is a checkup?", "sixty dollars"),
    ("What does a check-up cost?", "sixty dollars"),
    ("how much do you charge for a cleaning", "ninety dollars"),
    ("How long does a cleaning take?", "forty minutes"),
    ("What's your address?", "Harbor Street"),
    ("Where is the practice?", "Harbor Street"),
    ("Can I park my car?", "behind the building"),
    ("Is there parking?", "behind the building"),
    ("Do you take credit cards?", "credit cards"),
    ("Do you accept insurance?", "insurance"),
    ("Who is the dentist?", "Maria Keller"),
    ("What's the doctor's name?", "Maria Keller"),
    ("Can I cancel my appointment?", "canceled free of charge"),
    ("Do you pull wisdom teeth?", "surgeon"),
    ("What services do you offer?", "check-ups, cleanings and fillings"),
]
NOT_ANSWERED = [
    "What is the capital of France?",
    "How is the weather today?",
    "Tell me a joke.",
    "Can you order me a pizza?",
    "Do you have a dog?",
    "What is two plus two?",
]


async def answer(question: str) -> str:
    brain = OfflineBrain()
    try:
        return await brain.answer(Conversation((Message("system", SENT), Message("user", question))))
    finally:
        brain.close()


async def test_the_demos_own_caller_is_answered_to_the_goodbye() -> None:
    world = World(Settings(speech="scripted", scenario="persona"))
    said: list[Message] = [Message("system", SENT)]
    for line in load_all()["appointment"].caller.lines():
        said.append(Message("user", line))
        reply = await answering.answer(world, Conversation(tuple(said), frozenset({"end_call"})))
        said.append(Message("assistant", reply.say))
    world.close()
    assert [message.text for message in said if message.role == "assistant"] == [
        "The opening hours are nine to five, Monday to Friday.",
        "I would be glad to book that for you. Which day and time would suit you?",
        "Wonderful, I have written that down for you. Is there anything else I can help with?",
        "Thank you for calling. Have a lovely day. Goodbye.",
    ]
    assert reply.call is not None
    assert reply.call.name == "end_call"


@pytest.mark.parametrize(("question", "fact"), ANSWERED)
async def test_a_question_about_the_practice_is_answered(question: str, fact: str) -> None:
    assert fact in await answer(question)


@pytest.mark.parametrize("question", NOT_ANSWERED)
async def test_a_question_about_something_else_is_not(question: str) -> None:
    assert (await answer(question)).startswith(NOTHING_FOUND)
