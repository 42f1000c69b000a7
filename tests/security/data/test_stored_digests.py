"""Digests that stand in the database were made with these salts: another salt would find and prove none of them."""

from datetime import UTC, datetime
from uuid import UUID

from django.utils.crypto import salted_hmac

from calls.models import Erasure
from calls.outbound.idempotency import KeyedRequest
from calls.privacy import erasure

NUMBER = "+12025550123"


def hmac(salt: str, text: str) -> str:
    return salted_hmac(salt, text, algorithm="sha256").hexdigest()


def test_a_number_that_was_erased_is_found_again() -> None:
    assert erasure.digest(NUMBER) == hmac("calls.erasure.number", NUMBER)


def test_the_proof_of_a_deletion_stays_genuine() -> None:
    counts = {"calls": 2, "turns": 5, "events": 0, "webhooks": 0, "dead_letters": 0}
    proof = Erasure(pk=UUID(int=7), number_digest="abc", reason="asked", asked_by="ada", **counts)
    proof.erased_at = datetime(2026, 11, 1, 12, tzinfo=UTC)
    text = "00000000-0000-0000-0000-000000000007\nabc\nasked\nada\n2\n5\n0\n0\n0\n2026-11-01T12:00:00+00:00"

    proof.seal = hmac("calls.erasure.seal", text)

    assert erasure.is_genuine(proof)


def test_a_repeated_request_is_known_again() -> None:
    request = KeyedRequest.of(1, "key", "POST", "/api/calls", {"to": NUMBER})

    assert request.fingerprint == hmac("calls.idempotency", f'["POST", "/api/calls", {{"to": "{NUMBER}"}}]')
