"""The private services start and stop any number of times, answer when started, and leave nothing behind."""

import asyncio
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import amqp
import psycopg
import pytest
from livekit.api import ListSIPInboundTrunkRequest, LiveKitAPI

from tests.services import INSTANCE, LiveKitServer, remove
from tools.errors import ToolError
from tools.local import Instance, LiveKit, Postgres, RabbitMQ, Redis, Service, services
from tools.local.ports import free_ports, require_free


@pytest.fixture
def instance() -> Iterator[Instance]:
    """A set of services of this test's own, apart from the session's."""
    postgres, rabbitmq, epmd, dist, redis, livekit, livekit_udp = free_ports(7)
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
    )
    yield own
    remove(own)


def listening_addresses(instance: Instance) -> set[str]:
    """The addresses on which the instance's processes take TCP connections: 127.0.0.1, 0.0.0.0, ::."""
    inodes = set()
    for process in pids_of(instance):
        for handle in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                inodes.update(re.findall(r"socket:\[(\d+)\]", str(handle.readlink())))
    found = set()
    for family, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and inode in inodes:  # TCP_LISTEN in include/net/tcp_states.h
                words = re.findall("." * 8, local.partition(":")[0])  # of four bytes each, in the machine's order
                found.add(socket.inet_ntop(family, b"".join(bytes.fromhex(word)[::-1] for word in words)))
    return found


def processes_of(instance: Instance) -> list[str]:
    """Command lines that name the instance's directory or one of its ports."""
    return list(pids_of(instance).values())


def pids_of(instance: Instance) -> dict[int, str]:
    """Processes whose command line names the instance's directory or one of its ports, and that line."""
    marks = [
        str(instance.data_dir),
        str(instance.state_dir),
        str(instance.rabbitmq_epmd_port),
        str(instance.redis_port),
    ]
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if any(mark in line for mark in marks):
            found[int(process.name)] = line
    return found


@pytest.mark.parametrize("kind", [Postgres, Redis, LiveKit, pytest.param(RabbitMQ, marks=pytest.mark.long)])
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


def test_the_role_may_create_databases_and_is_not_a_superuser(postgres: Instance) -> None:
    with psycopg.connect(postgres.database_url) as connection:
        row = connection.execute("SELECT rolcreatedb, rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    assert row == (True, False)


def test_rabbitmq_has_no_guest(rabbitmq: Instance) -> None:
    guest = amqp.Connection(host=f"127.0.0.1:{rabbitmq.rabbitmq_port}", userid="guest", password="guest")
    with pytest.raises(amqp.AccessRefused):
        guest.connect()
    guest.collect()


def test_redis_refuses_whoever_has_no_password(instance: Instance) -> None:
    """SIP trunks and their passwords are in it."""
    service = Redis(instance)
    service.start()
    with socket.create_connection(("127.0.0.1", instance.redis_port)) as connection:
        connection.sendall(b"KEYS *\r\n")
        assert connection.recv(64).startswith(b"-NOAUTH")
    assert instance.redis_password not in " ".join(processes_of(instance))
    assert stat.S_IMODE(service.settings_file.stat().st_mode) == 0o600


def test_livekit_keeps_its_trunks_in_the_redis_with_the_password(livekit: LiveKitServer) -> None:
    async def trunks() -> int:
        async with LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as api:
            return len((await api.sip.list_inbound_trunk(ListSIPInboundTrunkRequest())).items)

    assert asyncio.run(trunks()) == 0


@pytest.mark.parametrize("kind", [Postgres, Redis, LiveKit, RabbitMQ])
def test_a_service_listens_on_loopback_only(instance: Instance, kind: type[Service]) -> None:
    if kind is LiveKit:
        Redis(instance).start()
    service = kind(instance)
    service.start()
    found = listening_addresses(instance)
    assert found
    assert found <= {"127.0.0.1", "::1"}


def test_livekit_answers_where_the_fixture_says(livekit: LiveKitServer) -> None:
    assert LiveKit(INSTANCE).answers()
    assert livekit.url == f"ws://127.0.0.1:{INSTANCE.livekit_port}"


def test_a_taken_port_names_its_holder_and_the_variable_to_change(instance: Instance) -> None:
    with socket.create_server(("127.0.0.1", instance.redis_port)), pytest.raises(ToolError) as error:
        Redis(instance).start()
    assert str(error.value).startswith(f"REDIS_PORT {instance.redis_port} is in use by python")
    assert str(error.value).endswith("set REDIS_PORT in .env")


def test_a_helper_port_names_the_variable_it_follows_from(instance: Instance) -> None:
    port = instance.rabbitmq_epmd_port
    with socket.create_server(("127.0.0.1", port)), pytest.raises(ToolError, match="set RABBITMQ_PORT in .env"):
        require_free(port, "RABBITMQ_PORT + 1:")


def test_a_server_that_ends_while_starting_says_why_and_where_its_log_is(instance: Instance) -> None:
    broken = replace(instance, livekit_api_secret="short", livekit_api_key="")
    with pytest.raises(ToolError, match=r"LiveKit ended while starting: .+ \(log: .+livekit\.log\)"):
        LiveKit(broken).start()
    assert processes_of(instance) == []


def test_a_recycled_process_id_is_not_mistaken_for_the_service(instance: Instance) -> None:
    redis = Redis(instance)
    redis.start()
    pid_file = redis.daemon().pid_file
    true_line = pid_file.read_text()
    pid_file.write_text(f"1 {true_line.split(' ', 1)[1]}")
    assert not redis.is_running()
    pid_file.write_text(true_line)
    assert redis.is_running()


@pytest.mark.parametrize(
    ("urls", "left"),
    [
        (["DATABASE_URL"], ["rabbitmq", "redis", "livekit"]),
        (["CELERY_BROKER_URL"], ["postgres", "redis", "livekit"]),
        (["LIVEKIT_URL"], ["postgres", "rabbitmq", "redis"]),
        (["CACHE_URL"], ["postgres", "rabbitmq", "redis", "livekit"]),
        (["LIVEKIT_URL", "CACHE_URL"], ["postgres", "rabbitmq"]),
    ],
)
def test_a_url_in_the_environment_replaces_the_private_service(urls: list[str], left: list[str]) -> None:
    assert [service.name for service in services(INSTANCE, dict.fromkeys(urls, "somewhere://else"))] == left
