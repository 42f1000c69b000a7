"""What is sent to the voice, and when, while a reply is being written."""

import pytest

from workers.providers.speech.clauses import FirstClauseAggregator


async def _pieces(aggregator: FirstClauseAggregator, reply: str) -> list[str]:
    """The reply as the voice gets it when the model writes it in tokens of three characters."""
    found = []
    for start in range(0, len(reply), 3):
        found += [piece.text async for piece in aggregator.aggregate(reply[start : start + 3])]
    rest = await aggregator.flush()
    return [*found, rest.text] if rest else found


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            "We are open from nine to five, Monday to Friday. Is there anything else, perhaps?",
            ["We are open from nine to five,", "Monday to Friday.", "Is there anything else, perhaps?"],
        ),
        ("Of course I can; one moment, please.", ["Of course I can;", "one moment, please."]),
        ("Yes, we do. Come at ten.", ["Yes, we do.", "Come at ten."]),
        ("That costs 1,000 dollars.", ["That costs 1,000 dollars."]),
        ("Dr. Smith is here. He can see you, too.", ["Dr. Smith is here.", "He can see you, too."]),
        ("Hello", ["Hello"]),
    ],
)
async def test_the_first_clause_goes_ahead_and_sentences_follow(reply: str, expected: list[str]) -> None:
    assert await _pieces(FirstClauseAggregator(language="en"), reply) == expected


async def test_every_reply_has_its_first_clause() -> None:
    aggregator = FirstClauseAggregator(language="en")
    reply = "We are open today, until six."
    assert await _pieces(aggregator, reply) == await _pieces(aggregator, reply) == ["We are open today,", "until six."]


async def test_an_interrupted_reply_leaves_nothing_behind() -> None:
    aggregator = FirstClauseAggregator(language="en")
    assert [piece.text async for piece in aggregator.aggregate("We are open today, until")] == ["We are open today,"]
    await aggregator.handle_interruption()
    assert await _pieces(aggregator, "You are quite right, sorry.") == ["You are quite right,", "sorry."]
