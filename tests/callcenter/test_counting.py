"""Counting what several web processes do, in a real Redis; and while it is away, in each by itself."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache, caches

from common import counting
from common.counting import Counter
from tests.product.stack import eventually
from tools.local import ROOT, Redis

MINUTE = 60
COUNT = """
import sys
import django; django.setup()
from common.counting import counter
print(counter.add(sys.argv[1], 60).count)
"""


@pytest.fixture
def shared(redis: Redis) -> Iterator[None]:
    """An empty Redis."""
    caches["shared"].clear()
    cache.clear()
    yield
    redis.start()
    caches["shared"].clear()
    cache.clear()


def counted_by_another_process(key: str) -> int:
    done = subprocess.run([sys.executable, "-c", COUNT, key], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.usefixtures("shared")
def test_processes_count_together() -> None:
    counter = Counter()

    counts = [
        counter.add("logins", MINUTE).count,
        counted_by_another_process("logins"),
        counter.add("logins", MINUTE).count,
    ]

    assert counts == [1, 2, 3]
    assert counter.add("dispatches", MINUTE).count == 1


@pytest.mark.usefixtures("shared")
def test_two_at_once_are_never_the_same_one() -> None:
    counters = [Counter() for _ in range(4)]

    with ThreadPoolExecutor(16) as threads:
        counts = list(threads.map(lambda number: counters[number % 4].add("logins", MINUTE).count, range(100)))

    assert sorted(counts) == list(range(1, 101))


@pytest.mark.usefixtures("shared")
def test_peeking_counts_nothing_and_says_when_the_window_ends() -> None:
    counter = Counter()

    assert counter.look("logins", MINUTE).count == 0
    counter.add("logins", MINUTE)
    seen = counter.look("logins", MINUTE)

    assert seen.count == 1
    assert 0 < seen.ends_in_s <= MINUTE


@pytest.mark.usefixtures("shared")
def test_a_window_ends() -> None:
    counter = Counter()
    counter.add("logins", 1)

    eventually(lambda: counter.look("logins", 1).count == 0, "end of the window")

    assert counter.add("logins", 1).count == 1


@pytest.mark.usefixtures("shared")
def test_redis_holds_numbers_that_no_process_runs() -> None:
    Counter().add("logins", MINUTE)
    key = caches["shared"].make_key("logins")

    assert key == "callcenter:1:logins"
    assert counting.JsonSerializer().dumps(1) == b"1"


def test_while_redis_is_away_each_process_counts_for_itself(
    shared: None, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    counter = Counter()
    counter.add("logins", MINUTE)
    redis.stop()

    away = [counter.add("logins", MINUTE).count for _ in range(3)]

    assert away == [1, 2, 3]
    assert caplog.text.count("shared_cache_away") == 1  # it is not asked each time
    assert os.environ["REDIS_PASSWORD"] not in caplog.text
    redis.start()
    counter._ask_again_at = 0.0
    assert counter.add("later", MINUTE).count == 1
    assert counted_by_another_process("later") == 2
