"""The webhooks under Locust are LiveKit's and Twilio's own, and what is lost or doubled is found."""

import random
import re
from collections import Counter

from django.conf import settings
from twilio.request_validator import RequestValidator

from calls.webhooks.livekit.signature import verified_event
from tools.loadtest.webhooks import traffic
from tools.loadtest.webhooks.rate import rate, render
from tools.loadtest.webhooks.traffic import Ledger, one_call, twilio_call, twilio_event, twilio_headers
from tools.measure.calls.webhooks import signed

NUMBER = "+12025550100"


def dice() -> random.Random:
    return random.Random(7)  # noqa: S311  always the same, on purpose


def test_a_call_is_four_events_of_one_room() -> None:
    found = one_call("call-locust-x-", NUMBER, dice())
    assert sorted(webhook.kind for webhook in found) == sorted(
        ["room_started", "participant_joined", "participant_left", "room_finished"]
    )
    assert len({webhook.room for webhook in found}) == 1
    assert len({webhook.event_id for webhook in found}) == 4


def test_some_come_twice_and_some_calls_in_the_wrong_order() -> None:
    rng = dice()
    calls = [one_call("call-locust-x-", NUMBER, rng) for _ in range(500)]
    doubled = sum(webhook.copies == 2 for call in calls for webhook in call)
    swapped = sum(call[1].kind == "participant_left" for call in calls)
    assert 120 < doubled < 280
    assert 25 < swapped < 75


def test_the_product_takes_their_signature() -> None:
    webhook = next(w for w in one_call("call-x-", NUMBER, dice()) if w.kind == "participant_joined")
    headers = signed(webhook.body, settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
    event = verified_event(webhook.body, headers["Authorization"])
    assert (event.id, event.room.name) == (webhook.event_id, webhook.room)
    assert event.participant.attributes["sip.trunkPhoneNumber"] == NUMBER


def test_twilios_signature_is_that_of_its_own_library() -> None:
    parameters = twilio_call("call-locust-0123abcd-", NUMBER, dice())
    url = "https://calls.example.com/webhooks/twilio/voice"
    headers = twilio_headers(url, parameters, "token")
    assert RequestValidator("token").validate(url, parameters, headers["X-Twilio-Signature"])
    assert re.fullmatch("CA0123abcd[0-9a-f]{24}:ringing", twilio_event(parameters))


def test_a_run_in_which_all_is_stored_once_has_no_problem() -> None:
    ledger = Ledger(sent={"a", "b"}, taken={"1", "2"}, joined={"a"}, finished={"a"})
    assert ledger.problems([("a", "missed")], [("1", 1), ("2", 1), ("3", 1)], [("a", 1)]) == []


def test_what_is_lost_or_doubled_is_named() -> None:
    ledger = Ledger(sent={"a", "b"}, taken={"1", "2"}, joined={"a", "b"}, finished={"a"})
    problems = ledger.problems([("a", "queued"), ("a", "missed"), ("z", "missed")], [("1", 2)], [("a", 2)])
    assert [problem.split(", such as")[0] for problem in problems] == [
        "1 calls lost",
        "1 calls doubled",
        "1 calls that nobody placed",
        "1 calls not ended",
        "1 calls ended twice",
        "1 webhooks lost",
        "1 webhooks stored twice",
    ]


def test_final_states_are_the_products_own() -> None:
    from calls.states import FINAL

    assert set(traffic.FINAL) == set(FINAL)


def test_a_rate_counts_webhooks_and_the_web_process_alone() -> None:
    def entry(name: str, times: dict[str, int], failures: int = 0) -> dict[str, object]:
        return {
            "name": name,
            "num_requests": sum(times.values()),
            "num_failures": failures,
            "start_time": 100.0,
            "last_request_timestamp": 110.0,
            "response_times": times,
        }

    stats = [
        entry("/webhooks/livekit room_started", {"10": 98, "20": 1}),
        entry("/webhooks/twilio/status", {"40": 1}),
        entry("/webhooks/twilio/voice", {"5": 70}),
        entry("/api/calls/", {"500": 50}, failures=2),
    ]
    found = rate(stats, Counter({"web": 2.0, "PostgreSQL": 1.0}), users=4, pace=0.0, checked=True)
    assert (found.webhooks, found.a_second, found.a_core_second) == (100, 10.0, 50.0)
    assert (found.p50_ms, found.p99_ms, found.failures) == (10.0, 20.0, 2)
    assert "| 50 " in render([found])
