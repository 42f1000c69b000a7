"""Which provider is asked first, after what the calls of a process have met."""

from workers.providers.circuits import OPEN_AFTER, PROBE_EVERY_S, Health
from workers.providers.targets import Target

OWN = Target("llm", "openai", "gpt-4.1-mini", "https://api.example.com/v1", "key")
OTHER = Target("llm", "openai", "gpt-4o-mini", "https://api.example.com/v1", "key")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_one_failure_is_bad_luck_and_the_next_one_spares_the_provider() -> None:
    health = Health()
    for _ in range(OPEN_AFTER - 1):
        health.failed(OWN)
        assert health.order([OWN, OTHER]) == [OWN, OTHER]
    health.failed(OWN)
    assert health.order([OWN, OTHER]) == [OTHER, OWN]


def test_after_a_while_one_asks_the_failed_provider_again_and_the_others_do_not() -> None:
    clock = Clock()
    health = Health(clock)
    for _ in range(OPEN_AFTER):
        health.failed(OWN)
    clock.now += PROBE_EVERY_S
    assert health.order([OWN, OTHER]) == [OWN, OTHER]
    assert health.order([OWN, OTHER]) == [OTHER, OWN]


def test_a_provider_that_answers_again_is_the_first_for_everybody() -> None:
    health = Health()
    for _ in range(OPEN_AFTER):
        health.failed(OWN)
    health.worked(OWN)
    assert health.order([OWN, OTHER]) == [OWN, OTHER]


def test_when_all_have_failed_the_own_provider_comes_first() -> None:
    health = Health()
    for target in (OWN, OTHER) * OPEN_AFTER:
        health.failed(target)
    assert health.order([OWN, OTHER]) == [OWN, OTHER]


def test_a_target_shows_no_key() -> None:
    assert "key" not in repr(OWN).replace("api_key", "")
    assert str(OWN) == "gpt-4.1-mini at api.example.com"
