"""The private services start and stop any number of times, answer when started, and leave nothing behind."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import amqp
import psycopg
import pytest

from tests.services import INSTANCE, LiveKitServer, remove
from tools.local import Instance, LiveKit, Postgres, RabbitMQ, Redis, Service, ServiceError, services
from tools.local.ports import free_ports, require_free


@pytest.fixture
def instance() -> Iterator[Instance]:
    """A set of services of this test's own, apart from the session's."""
    ports = free_ports(8)
    postgres, rabbitmq, epmd, dist, redis, livekit, livekit_udp, livekit_tcp = ports
    own = replace(
        INSTANCE,
        state_dir=INSTANCE.state_dir / "own",
        postgres_port=postgres,
        rabbitmq_port=rabbitmq,
        rabbitmq_epmd_port=epmd,
        rabbitmq_dist_port=dist,
        redis_port=redis,
        livekit_port=livekit,
        livekit_udp_port=livekit_udp,
        livekit_tcp_port=livekit_tcp,
    )
    yield own
    remove(own)


def processes_of(instance: Instance) -> list[str]:
    """Command lines that name the instance's directory or one of its ports."""
    marks = [
        str(instance.data_dir),
        str(instance.state_dir),
        str(instance.rabbitmq_epmd_port),
        str(instance.redis_port),
    ]
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if any(mark in line for mark in marks):
            found.append(line)
    return found


@pytest.mark.parametrize("kind", [Postgres, Redis, LiveKit, RabbitMQ])
def test_a_service_starts_twice_and_stops_twice_and_leaves_no_process(instance: Instance, kind: type[Service]) -> None:
    if kind is LiveKit:
        Redis(instance).start()
    service = kind(instance)
    service.start()
    first = service.daemon().pid()
    kind(instance).start()
    assert service.is_running()
    assert service.answers()
    assert kind(instance).daemon().pid() == first

    service.stop()
    kind(instance).stop()
    Redis(instance).stop()
    assert not service.is_running()
    assert processes_of(instance) == []


def test_postgres_keeps_its_data_and_takes_a_changed_password(instance: Instance) -> None:
    Postgres(instance).start()
    with psycopg.connect(instance.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    Postgres(instance).stop()

    changed = replace(instance, postgres_password="another: p@ss/word")
    Postgres(changed).start()
    with psycopg.connect(changed.database_url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(instance.database_url)


def test_the_role_may_create_databases_and_is_no_superuser(postgres: Instance) -> None:
    with psycopg.connect(postgres.database_url) as connection:
        row = connection.execute("SELECT rolcreatedb, rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    assert row == (True, False)


def test_rabbitmq_has_no_guest(rabbitmq: Instance) -> None:
    guest = amqp.Connection(host=f"127.0.0.1:{rabbitmq.rabbitmq_port}", userid="guest", password="guest")
    with pytest.raises(amqp.AccessRefused):
        guest.connect()
    guest.collect()


def test_livekit_answers_where_the_fixture_says(livekit: LiveKitServer) -> None:
    assert LiveKit(INSTANCE).answers()
    assert livekit.url == f"ws://127.0.0.1:{INSTANCE.livekit_port}"


def test_a_taken_port_names_its_holder_and_the_variable_to_change(instance: Instance) -> None:
    with socket.create_server(("127.0.0.1", instance.redis_port)), pytest.raises(ServiceError) as error:
        Redis(instance).start()
    assert str(error.value).startswith(f"REDIS_PORT {instance.redis_port} is in use by python")
    assert str(error.value).endswith("set REDIS_PORT in .env")


def test_a_helper_port_names_the_variable_it_follows_from(instance: Instance) -> None:
    port = instance.rabbitmq_epmd_port
    with socket.create_server(("127.0.0.1", port)), pytest.raises(ServiceError, match="set RABBITMQ_PORT in .env"):
        require_free(port, "RABBITMQ_PORT + 1:")


def test_a_server_that_ends_while_starting_says_why_and_where_its_log_is(instance: Instance) -> None:
    broken = replace(instance, livekit_api_secret="short", livekit_api_key="")
    with pytest.raises(ServiceError, match=r"LiveKit ended while starting: .+ \(log: .+livekit\.log\)"):
        LiveKit(broken).start()
    assert processes_of(instance) == []


def test_a_recycled_process_id_is_not_taken_for_the_service(instance: Instance) -> None:
    redis = Redis(instance)
    redis.start()
    pid_file = redis.daemon().pid_file
    true_line = pid_file.read_text()
    pid_file.write_text(f"1 {true_line.split(' ', 1)[1]}")
    assert not redis.is_running()
    pid_file.write_text(true_line)
    assert redis.is_running()


@pytest.mark.parametrize(
    ("url", "left"),
    [
        ("DATABASE_URL", ["rabbitmq", "redis", "livekit"]),
        ("CELERY_BROKER_URL", ["postgres", "redis", "livekit"]),
        ("LIVEKIT_URL", ["postgres", "rabbitmq"]),
    ],
)
def test_a_url_in_the_environment_replaces_the_private_service(url: str, left: list[str]) -> None:
    assert [service.name for service in services(INSTANCE, {url: "somewhere://else"})] == left
