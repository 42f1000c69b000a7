"""An instance is read from the environment, with errors that name the variable."""

import os
import stat
from pathlib import Path

import pytest

from tests.services import INSTANCE
from tools.errors import ToolError
from tools.local import Instance

ENVIRONMENT = {
    "WEB_PORT": "8080",
    "POSTGRES_PORT": "5442",
    "POSTGRES_PASSWORD": "p",
    "RABBITMQ_PORT": "5682",
    "RABBITMQ_PASSWORD": "r",
    "REDIS_PORT": "6389",
    "REDIS_PASSWORD": "s",
    "LIVEKIT_PORT": "7890",
    "LIVEKIT_UDP_PORT": "7892",
    "LIVEKIT_API_KEY": "key",
    "LIVEKIT_API_SECRET": "secret",
}


def test_a_missing_variable_is_named_with_its_cure() -> None:
    with pytest.raises(ToolError, match="POSTGRES_PASSWORD is not set; run scripts/setup"):
        Instance.from_environment(ENVIRONMENT | {"POSTGRES_PASSWORD": ""})


def test_a_password_is_not_needed_for_a_service_elsewhere() -> None:
    elsewhere = ENVIRONMENT | {"POSTGRES_PASSWORD": "", "DATABASE_URL": "postgres://db.example/x"}
    assert Instance.from_environment(elsewhere).postgres_password == ""


@pytest.mark.parametrize("port", ["x", "0", "70000", "-1", "5 432"])
def test_a_port_that_is_none_is_named(port: str) -> None:
    with pytest.raises(ToolError, match=f"REDIS_PORT must be a port from 1 to 65535, not '{port}'"):
        Instance.from_environment(ENVIRONMENT | {"REDIS_PORT": port})


def test_passwords_are_quoted_in_urls() -> None:
    instance = Instance.from_environment(ENVIRONMENT | {"POSTGRES_PASSWORD": "a@b/c"})
    assert instance.database_url == "postgres://callcenter:a%40b%2Fc@127.0.0.1:5442/callcenter"


def test_data_moves_out_of_a_path_that_servers_cannot_use(tmp_path: Path) -> None:
    with_space = Instance.from_environment(ENVIRONMENT, tmp_path / "with space")
    too_long = Instance.from_environment(ENVIRONMENT, Path("/tmp") / ("x" * 100))  # noqa: S108 - never made
    assert with_space.data_dir != with_space.state_dir
    assert too_long.data_dir not in (too_long.state_dir, with_space.data_dir)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts services as other users")
def test_data_moves_out_of_a_directory_that_system_users_may_not_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    instance = Instance.from_environment(ENVIRONMENT, closed / ".local")
    assert instance.data_dir.is_relative_to("/var/lib/callcenter-local")


def test_the_tests_run_in_a_directory_of_their_own() -> None:
    assert INSTANCE.state_dir.name == f"test-{os.getpid()}"
    assert not INSTANCE.durable


def test_files_with_secrets_are_for_their_owner_only(livekit: object) -> None:
    settings = INSTANCE.data_dir / "livekit/livekit.yaml"
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600
