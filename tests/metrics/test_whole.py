"""A real call, and two real workers that are scraped: nothing is counted twice."""

import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from calls.models import PhoneNumber
from calls.states import Status
from tests.metrics.samples import Labels, samples
from tests.product.stack import Stack, eventually, final_call
from tools.local.ports import LOOPBACK, free_ports

type Exported = dict[str, dict[Labels, float]]

pytestmark = pytest.mark.django_db(transaction=True)

SCENARIO = """
name: a question
caller:
  steps:
    - wait_for_reply: {timeout_s: 20}
    - say: "Hello, what are your opening hours?"
    - wait_for_reply: {timeout_s: 20}
    - say: "That is all, goodbye."
    - wait_for_reply: {timeout_s: 20}
    - stay_silent: {seconds: 20}
agent:
  default: "Could you say that again?"
  rules:
    - {when: [goodbye], say: "Goodbye and thank you.", call: {name: end_call, arguments: {reason: done}}}
    - {when: [opening hours], say: "We are open from nine to five."}
"""


@pytest.fixture
def targets(stack: Stack, tmp_path: Path) -> Iterator[Path]:
    """Two workers, each with a port for its metrics, which stand in this directory."""
    [port] = free_ports(1)
    environment = {"METRICS_PORT": str(port), "METRICS_DIR": str(tmp_path / "metrics")}
    with stack.worker("worker-1", slots=2, **environment), stack.worker("worker-2", slots=3, **environment):
        yield tmp_path / "metrics"


def scrape(address: str) -> Exported:
    request = urllib.request.Request(f"http://{address}/metrics")  # noqa: S310
    request.add_header("Authorization", f"Bearer {settings.METRICS_TOKEN}")
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        return samples(response.read().decode())


def addresses(targets: Path) -> list[str]:
    return [
        address
        for file in targets.glob("*.json")
        for entry in json.loads(file.read_text())
        for address in entry["targets"]
    ]


def total(processes: list[Exported], name: str, **labels: str) -> float:
    """The sum of what all processes have of a metric, with these labels among others."""
    wanted = set(labels.items())
    return sum(count for process in processes for found, count in process.get(name, {}).items() if wanted <= set(found))


def test_one_call_is_counted_once_by_two_workers_and_the_web(stack: Stack, targets: Path, number: PhoneNumber) -> None:
    web = f"{LOOPBACK}:{os.environ['WEB_PORT']}"
    before = scrape(web)
    report = stack.call(stack.script(SCENARIO), number.e164)
    call = final_call(report.room)

    assert call.status == Status.COMPLETED
    assert len(eventually(lambda: addresses(targets), "targets")) == 2
    workers = eventually(lambda: _idle(targets), "workers without a call")
    turns = list(call.turns.values_list("speaker", "reply_ms"))
    replies = [ms for _, ms in turns if ms is not None]
    assert total(workers, "callcenter_dispatch_seconds_count") == 1
    assert total(workers, "callcenter_pickup_seconds_count") == 1
    assert total(workers, "callcenter_turns_total", speaker="caller") == sum(who == "caller" for who, _ in turns)
    assert total(workers, "callcenter_reply_latency_seconds_count", stage="reply") == len(replies) > 0
    assert total(workers, "callcenter_reply_latency_seconds_sum", stage="reply") == pytest.approx(sum(replies) / 1000)
    assert total(workers, "callcenter_tokens_total", kind="completion") > 0
    assert total(workers, "callcenter_characters_total") >= len("We are open from nine to five.")
    assert total(workers, "callcenter_errors_total") == 0
    assert total(workers, "callcenter_worker_slots") == 5
    for provider in ("openai", "elevenlabs", "deepgram"):
        assert total(workers, "callcenter_cost_cents_total", provider=provider) > 0
    after = eventually(lambda: _ended(scrape(web), before), "the end of the call in the web's metrics")
    assert total([after], "callcenter_slots_total") == 5
    assert total([after], "callcenter_calls_total") - total([before], "callcenter_calls_total") == 1


def _idle(targets: Path) -> list[Exported] | None:
    """What the workers export, once they hold no call: speech to text is counted at the end."""
    workers = [scrape(address) for address in addresses(targets)]
    return workers if total(workers, "callcenter_worker_calls") == 0 else None


def _ended(now: Exported, before: Exported) -> Exported | None:
    """The web's metrics once it has counted the end of a call, and all its workers."""
    name = "callcenter_calls_total"
    counted = total([now], name, status="completed") > total([before], name, status="completed")
    return now if counted and total([now], "callcenter_workers") == 2 else None


def test_a_killed_worker_leaves_its_file_to_the_next(stack: Stack, targets: Path) -> None:
    assert len(eventually(lambda: addresses(targets), "targets")) == 2
    stack.named("worker-2").kill()
    assert len(addresses(targets)) == 2

    with stack.worker("worker-3", slots=1, METRICS_PORT="9600", METRICS_DIR=str(targets)):
        assert len(addresses(targets)) == 2
    assert len(addresses(targets)) == 1
