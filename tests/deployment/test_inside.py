"""What reaches the web process past the proxy that terminates TLS, from services beside it."""

from django.test import Client
from pytest_django import Settings


def behind_tls(settings: Settings) -> Client:
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["calls.example.com", "web"]
    return Client(headers={"host": "web:8080"})


def test_probes_are_answered_by_address(settings: Settings) -> None:
    assert behind_tls(settings).get("/health", headers={"host": "10.1.2.3:8080"}).status_code == 200


def test_people_are_sent_to_the_encrypted_address(settings: Settings) -> None:
    answer = behind_tls(settings).get("/admin/")
    assert (answer.status_code, answer["Location"]) == (301, "https://web:8080/admin/")
