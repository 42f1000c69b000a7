"""Every variable of env.template is checked before anything starts, and one that cannot be used is told in one line."""

import os
import subprocess
import sys

import pytest

from callcenter.environment import variables
from tools.local import ROOT
from tools.setup.environment import from_template, read

TEMPLATE = ROOT / "env.template"
SECRET = "kT7pX2wQ9rLmZ4vB"  # noqa: S105  shown by no message

WRONG: list[tuple[str, str, str]] = [
    ("DJANGO_DEBUG", "maybe", "DJANGO_DEBUG is 'maybe': write true or false."),
    ("ADMIN_REQUIRES_OTP", "", "ADMIN_REQUIRES_OTP is empty: write true or false, or leave the line out."),
    ("WEB_PORT", "abc", "WEB_PORT is 'abc': write a port from 1 to 65535."),
    ("POSTGRES_PORT", "0", "POSTGRES_PORT is '0': write a port from 1 to 65535."),
    ("REDIS_PORT", "70000", "REDIS_PORT is '70000': write a port from 1 to 65535."),
    ("RABBITMQ_PORT", "65535", "RABBITMQ_PORT is '65535': write a port from 1 to 65533."),
    ("GRAFANA_PORT", "-1", "GRAFANA_PORT is '-1': write a port from 1 to 65535."),
    ("METRICS_PORT", "99999", "METRICS_PORT is '99999': write a port from 0 to 65535."),
    ("SIMULATOR_SPEECH", "whisper", "SIMULATOR_SPEECH is 'whisper': write local or scripted."),
    ("SIMULATOR_PROFILE", "slow", "SIMULATOR_PROFILE is 'slow': write none or published."),
    ("LOG_LEVEL", "LOUD", "LOG_LEVEL is 'LOUD': write DEBUG, INFO, WARNING, ERROR or CRITICAL."),
    ("AUDIO_BUFFER_SIZE", "511", "AUDIO_BUFFER_SIZE is '511': write 160, 320 or 512."),
    (
        "WORKER_SCALE_FACTOR",
        "ten",
        "WORKER_SCALE_FACTOR is 'ten': write calls per worker from 1 to 100.",
    ),
    (
        "MAX_CONCURRENT_AGENTS",
        "0",
        "MAX_CONCURRENT_AGENTS is '0': write live calls in total from 1 to 100000.",
    ),
    (
        "PUBLIC_BASE_URL",
        "https://x.example/app",
        "PUBLIC_BASE_URL is 'https://x.example/app': write an address such as https://calls.example.com, without a "
        "path.",
    ),
    ("DRAIN_SECONDS", "1.5", "DRAIN_SECONDS is '1.5': write seconds from 0 to 86400."),
    ("CALLS_KEPT_DAYS", "-1", "CALLS_KEPT_DAYS is '-1': write days from 0 to 36500."),
    ("DEEPGRAM_PRICE_MINUTE", "nan", "DEEPGRAM_PRICE_MINUTE is 'nan': write US cents, such as 0.65."),
    ("LOGIN_RATE", "many", "LOGIN_RATE is 'many': write a rate, such as 30/min."),
    (
        "TOOL_ALLOWED_NETWORKS",
        "10.0.7.0/24,inside",
        "TOOL_ALLOWED_NETWORKS is '10.0.7.0/24,inside': write networks such as 10.0.3.0/24, separated by commas.",
    ),
    (
        "LIVEKIT_SIP_URI",
        "sip.example.com",
        "LIVEKIT_SIP_URI is 'sip.example.com': write sip: and a host, such as sip:sip.example.com.",
    ),
    (
        "OUTBOUND_COUNTRIES",
        "US,Germany",
        "OUTBOUND_COUNTRIES is 'US,Germany': write ISO codes of countries, separated by commas, such as US,CA, or * "
        "for all.",
    ),
    (
        "OUTBOUND_DENIED_PREFIXES",
        "+1900,4930",
        "OUTBOUND_DENIED_PREFIXES is '+1900,4930': write number prefixes with the country code, separated by "
        "commas, such as +1900,+4930.",
    ),
    ("OUTBOUND_DAILY_LIMIT", "-1", "OUTBOUND_DAILY_LIMIT is '-1': write calls per day from 0 to 10000000."),
    (
        "DATABASE_URL",
        f"mysql://user:{SECRET}@db/name",
        "DATABASE_URL (its value is a secret): write an address such as postgres://user:password@host:5432/name.",
    ),
    (
        "CELERY_BROKER_URL",
        f"http://user:{SECRET}@mq",
        "CELERY_BROKER_URL (its value is a secret): write an address such as amqp://user:password@host:5672/vhost.",
    ),
]


def test_there_is_a_rule_for_every_variable() -> None:
    assert set(variables.RULES) == set(read(TEMPLATE))


def test_the_template_and_an_empty_environment_have_no_problem() -> None:
    assert variables.problems(from_template(TEMPLATE)) == []
    assert variables.problems({}) == []


@pytest.mark.parametrize(("name", "value", "line"), WRONG, ids=[f"{name}={value}" for name, value, _ in WRONG])
def test_a_value_that_cannot_be_used_is_reported_with_its_cure(name: str, value: str, line: str) -> None:
    assert variables.problems(from_template(TEMPLATE) | {name: value}) == [line]


@pytest.mark.parametrize("hosts", ["", " ", "https://calls.example.com", "calls.example.com:443", "a b"])
def test_the_sites_hosts_are_names(hosts: str) -> None:
    [line] = variables.problems({"ALLOWED_HOSTS": hosts})
    assert line.startswith("ALLOWED_HOSTS is ")


@pytest.mark.parametrize("hosts", ["localhost,127.0.0.1", ".example.com", "*", "[::1],calls.example.com,web"])
def test_names_of_hosts_pass(hosts: str) -> None:
    assert variables.problems({"ALLOWED_HOSTS": hosts}) == []


@pytest.mark.parametrize("path", ["/app", "/app/", "//", "?a=b", "#top", "/?a"])
def test_the_sites_own_address_has_no_path(path: str) -> None:
    assert len(variables.problems({"PUBLIC_BASE_URL": f"https://calls.example.com{path}"})) == 1


@pytest.mark.parametrize("address", ["https://calls.example.com", "https://calls.example.com/", "http://[::1]:8080"])
def test_the_sites_own_address_may_have_a_port(address: str) -> None:
    assert variables.problems({"PUBLIC_BASE_URL": address}) == []


URLS = [name for name in variables.RULES if name.endswith("_URL")]


@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize("value", ["nonsense", "example.com", "ftp://example.com", "https://[", "ws://h:port/x"])
def test_an_address_that_cannot_work_is_named(name: str, value: str) -> None:
    [line] = variables.problems({name: value})
    assert line.startswith(f"{name} ")
    assert "write an address such as " in line


@pytest.mark.parametrize("name", [name for name in URLS if name not in ("DATABASE_URL",)])
def test_an_address_has_a_host(name: str) -> None:
    others = {"LIVEKIT_URL": "wss", "LIVEKIT_PUBLIC_URL": "wss", "CELERY_BROKER_URL": "amqp", "CACHE_URL": "redis"}
    scheme = others.get(name, "https")
    assert len(variables.problems({name: f"{scheme}://"})) == 1
    assert variables.problems({name: f"{scheme}://example.com"}) == []


def test_only_the_sites_own_address_may_not_be_empty() -> None:
    assert [line.split()[0] for line in variables.problems(dict.fromkeys(URLS, ""))] == ["PUBLIC_BASE_URL"]


@pytest.mark.parametrize(
    ("command", "before"),
    [
        (["manage.py", "check"], ""),
        (["manage.py", "doctor"], ""),
        (["-m", "celery", "-A", "callcenter", "worker"], ""),
        (["-m", "celery", "-A", "callcenter", "beat"], ""),
        (["-m", "uvicorn", "callcenter.asgi:application"], ""),
        (["-m", "tools.run.demo", "--once"], "demo: "),
        (["-m", "tools.run.scale", "status"], "scale: "),
        (["-m", "tools.local", "up"], ""),
    ],
    ids=" ".join,
)
def test_nothing_starts_with_a_value_that_cannot_be_used(command: list[str], before: str) -> None:
    environment = {**os.environ, "POSTGRES_PORT": "default", "DJANGO_DEBUG": "maybe", "DATABASE_URL": ""}
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True)

    assert done.returncode
    assert done.stderr.splitlines() == [
        f"{before}DJANGO_DEBUG is 'maybe': write true or false.",
        "POSTGRES_PORT is 'default': write a port from 1 to 65535.",
    ]
