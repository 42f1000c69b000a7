"""Production's settings: no process starts with a well-known secret, and Django has nothing to warn about."""

import os
import subprocess
import sys

import pytest
from pytest_django import Settings

from callcenter.environment import safe_start
from tests.callcenter.test_checks import PRODUCTION, manage
from tools.local import ROOT

KEY = "k4Jw9sQx2vTn7bYpLr5mZc8dHf3gAe6u"


def test_the_settings_of_the_tests_are_safe() -> None:
    assert safe_start.unsafe_secrets() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "django-insecure-" + "x1y2z3w4" * 6),
        ("SECRET_KEY", "abc" * 20),
        ("SECRET_KEY", "short-but-random-8Zr3vY1m0"),
        ("LIVEKIT_API_SECRET", "secret"),
        ("LIVEKIT_API_KEY", "devkey"),
        ("TOOL_SIGNING_KEY", "changeme"),
        ("FIELD_ENCRYPTION_KEYS", [KEY, "<generate-me>"]),
        ("DATABASE_URL", "postgres://callcenter:postgres@db:5432/callcenter"),
        ("CELERY_BROKER_URL", "amqp://guest:guest@mq:5672//"),
    ],
)
def test_a_secret_that_everybody_knows_is_named_and_not_shown(name: str, value: object, settings: Settings) -> None:
    setattr(settings, name, value)

    [line] = safe_start.unsafe_secrets()

    assert name in line
    secret = value[-1] if isinstance(value, list) else str(value)
    assert secret not in line


def test_the_password_of_a_program_beside_django_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWER_PASSWORD", "admin")

    assert safe_start.unsafe_secrets() == ["FLOWER_PASSWORD is a well-known value"]


def test_in_debug_anything_starts(settings: Settings) -> None:
    settings.LIVEKIT_API_SECRET = "secret"
    settings.DEBUG = True

    assert safe_start.safe_secrets() == []
    safe_start.refuse_unsafe_secrets()


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-c", "import callcenter.asgi"],
        ["celery", "-A", "callcenter", "worker", "-Q", "housekeeping", "--pool", "solo"],
    ],
    ids=["web", "worker"],
)
def test_a_process_with_a_default_secret_does_not_start(command: list[str]) -> None:
    environment = {**os.environ, **PRODUCTION, "LIVEKIT_API_SECRET": "secret"}
    environment["PATH"] = f"{os.path.dirname(sys.executable)}{os.pathsep}{environment['PATH']}"

    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)

    assert done.returncode != 0
    assert "LIVEKIT_API_SECRET is a well-known value" in done.stderr
    assert "Traceback" not in done.stderr or "ImproperlyConfigured" in done.stderr.splitlines()[-1]


def test_production_is_clean_by_djangos_own_deployment_checks() -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING", ADMIN_REQUIRES_OTP="true")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("address", "warns"), [("https://calls.example.com", True), ("http://localhost:8080", False)])
def test_a_site_on_the_internet_without_one_time_codes_is_warned_of(address: str, warns: bool) -> None:
    done = manage("check", ADMIN_REQUIRES_OTP="false", PUBLIC_BASE_URL=address, TRUSTED_PROXIES="10.0.3.0/24")

    assert ("ADMIN_REQUIRES_OTP is false" in done.stderr) is warns


def test_one_time_codes_are_the_default_outside_debug() -> None:
    code = "from django.conf import settings; print(settings.ADMIN_REQUIRES_OTP, settings.REST_FRAMEWORK)"
    for debug, expected in (("false", "True"), ("true", "False")):
        environment = {
            **os.environ,
            **PRODUCTION,
            "DJANGO_DEBUG": debug,
            "DJANGO_SETTINGS_MODULE": "callcenter.settings",
        }
        del environment["ADMIN_REQUIRES_OTP"]
        # Not in the checkout, whose .env may say otherwise.
        script = f"import callcenter.environment.values as e; e.Env.read_env = lambda *a, **k: None\n{code}"
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.stdout.split()[0] == expected, done.stderr
        assert ("BasicAuthentication" in done.stdout) is (debug == "true")
