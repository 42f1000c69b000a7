"""Every command, port and address in the containers is one that exists there."""

import importlib.util
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

from callcenter import web as web_process
from simulator.world import DEFAULT_PORT
from tests.deployment import dockerfiles
from tests.deployment.test_compose import OURS, SECRET, networks, services
from tools.local import ROOT

Project = dict[str, Any]
WEB_PORT, WORKER_PORT, FLOWER_PORT = 8080, 9600, 5555
# Where each service listens: ours, as the tests below see to it, and the defaults of the others' images.
LISTENS = {
    "web": {WEB_PORT},
    "worker": {WORKER_PORT},
    "flower": {FLOWER_PORT},
    "simulator": {DEFAULT_PORT},
    "postgres": {5432},
    "rabbitmq": {5672, 15692},
    "redis": {6379},
    "livekit": {7880, 7881, 7882},
    "prometheus": {9090},
    "grafana": {3000},
    "proxy": {80, 443, 2019},
}


@pytest.fixture(params=["base", "production"])
def project(request: pytest.FixtureRequest) -> Project:
    found: Project = request.getfixturevalue(request.param)
    return found


def command(name: str, service: Any) -> list[str]:
    """What the service runs: its command, else its image's."""
    image = service["image"].partition(":")[0].removeprefix("callcenter-")
    found: list[str] = service.get("command") or dockerfiles.final(image).command
    return found


def procfile() -> dict[str, str]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines)


def test_containers_run_what_the_procfile_runs(base: Project) -> None:
    """But for addresses, ports, and how long a web process that stops waits for its last requests."""
    known = procfile()
    for name in ("web", "worker", "housekeeping", "beat", "flower"):
        ours = " ".join(command(name, base["services"][name])).removeprefix("sh -c ").removeprefix("exec ")
        ours = ours.replace('"${WORKER_SCALE_FACTOR:-10}"', "$WORKER_SCALE_FACTOR")
        ours = ours.removesuffix(" --timeout-graceful-shutdown 20")
        theirs = known[name].partition("exec ")[2]
        theirs = theirs.replace("127.0.0.1", "0.0.0.0").replace("$WEB_PORT", str(WEB_PORT))  # noqa: S104
        assert ours == theirs.replace("$FLOWER_PORT", str(FLOWER_PORT)), name


def test_every_command_is_one_that_its_image_has(project: Project) -> None:
    for name, service in services(project):
        if name not in OURS:
            continue
        program, *rest = command(name, service)
        match program:
            case "python" if rest[0] == "manage.py":
                assert rest[1] in get_commands(), name
            case "python":
                assert importlib.util.find_spec(rest[1]), name
            case _:
                assert program in ("celery", "sh"), name


def test_every_published_port_is_one_on_which_the_service_listens(project: Project) -> None:
    for name, service in services(project):
        for port in service.get("ports", []):
            inside = port.partition("/")[0].rsplit(":", 1)[1]
            if name == "livekit-sip":
                assert inside == "5060" or f"rtp_port: {inside}" in service["environment"]["SIP_CONFIG_BODY"]
            else:
                assert int(inside) in LISTENS[name], f"{name}: {port}"


def test_every_health_check_asks_where_the_service_listens(project: Project) -> None:
    for name, service in services(project):
        text = " ".join(service.get("healthcheck", {}).get("test", []))
        text = text.replace("${SIMULATOR_PORT:-8090}", str(DEFAULT_PORT))
        for port in re.findall(r"127\.0\.0\.1(?::|', )(\d+)", text):
            assert int(port) in LISTENS[name], f"{name}: {text}"


def test_every_address_names_a_service_that_listens_there_and_can_be_reached(project: Project) -> None:
    seen = 0
    for name, service in services(project):
        for variable, value in service.get("environment", {}).items():
            for host, port in re.findall(r"(?:@|//|address: )(?!localhost)([a-z-]+):(\d+)(?![^/\s\"])", str(value)):
                seen += 1
                assert int(port) in LISTENS[host], f"{name}: {variable}"
                # migrate has the settings of the others, and uses the database alone
                shared = networks(service) & networks(project["services"][host])
                assert shared or (name == "migrate" and host != "postgres"), f"{name}: {variable}"
    assert seen > 10


def test_prometheus_finds_each_process_once(project: Project) -> None:
    """By the DNS, which gives an address for each network that both are in."""
    scrapes = yaml.safe_load((ROOT / "docker/prometheus/prometheus.yml").read_text())["scrape_configs"]
    found = {
        (name, discovery["port"])
        for job in scrapes
        for discovery in job.get("dns_sd_configs", [])
        for name in discovery["names"]
    }
    targets = [target for job in scrapes for each in job.get("static_configs", []) for target in each["targets"]]
    found |= {(host, int(port)) for host, port in (target.split(":") for target in targets) if host != "localhost"}
    prometheus = project["services"]["prometheus"]

    assert found == {("web", WEB_PORT), ("worker", WORKER_PORT), ("rabbitmq", 15692)}
    for host, port in found:
        assert port in LISTENS[host]
        assert len(networks(prometheus) & networks(project["services"][host])) == 1, host


def test_prometheus_finds_its_token_where_its_entrypoint_writes_it(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scrapes = yaml.safe_load((ROOT / "docker/prometheus/prometheus.yml").read_text())["scrape_configs"]
    (token,) = {job["authorization"]["credentials_file"] for job in scrapes if "authorization" in job}
    prometheus = project["services"]["prometheus"]
    shell, option, script, *rest = prometheus["entrypoint"]
    assert any(token.startswith(f"{place}/") for place in prometheus["tmpfs"])

    script = script.replace(token, str(tmp_path / "token")).replace("/bin/prometheus", "echo")
    environment = {"METRICS_TOKEN": prometheus["environment"]["METRICS_TOKEN"], "PATH": os.environ["PATH"]}
    command = [shell, option, script, *rest, *prometheus["command"]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    assert (tmp_path / "token").read_text() == environment["METRICS_TOKEN"]
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    assert done.stdout.split() == prometheus["command"]


def test_prometheus_and_grafana_read_what_is_mounted(project: Project) -> None:
    prometheus, grafana = (project["services"][name] for name in ("prometheus", "grafana"))
    mounted = {volume.split(":")[1] for service in (prometheus, grafana) for volume in service["volumes"]}
    rules = yaml.safe_load((ROOT / "docker/prometheus/prometheus.yml").read_text())["rule_files"]
    (provider,) = yaml.safe_load((ROOT / "docker/grafana/provisioning/dashboards/callcenter.yml").read_text())[
        "providers"
    ]
    config = next(part for part in prometheus["command"] if part.startswith("--config.file="))

    assert {*rules, config.removeprefix("--config.file="), provider["options"]["path"]} <= mounted
    sources = yaml.safe_load((ROOT / "docker/grafana/provisioning/datasources/callcenter.yml").read_text())[
        "datasources"
    ]
    for source in sources:
        url = urlsplit(source["url"] if "//" in source["url"] else f"//{source['url']}")
        assert url.hostname
        assert url.port in LISTENS[url.hostname]
        assert networks(grafana) & networks(project["services"][url.hostname])
        for variable in re.findall(r"\$([A-Z_]+)", str(source)):
            assert variable in grafana["environment"]


def test_the_proxy_speaks_to_the_web_processes_alone(production: Project) -> None:
    caddyfile = (ROOT / "docker/proxy/Caddyfile").read_text()
    proxy, web = production["services"]["proxy"], production["services"]["web"]

    assert f"max_size {settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024}KiB" in caddyfile
    assert f"name web\n\t\t\tport {WEB_PORT}\n" in caddyfile
    assert f"keepalive {web_process.KEEP_ALIVE_S - 15}s\n" in caddyfile  # the proxy ends idle connections first
    assert set(re.findall(r"\{\$([A-Z_]+)\}", caddyfile)) == set(proxy["environment"])
    assert networks(proxy) & networks(web) == {"front"}
    (network,) = production["networks"]["front"]["ipam"]["config"]
    assert web["environment"]["TRUSTED_PROXIES"] == network["subnet"]


def test_the_postgres_scripts_make_the_users_that_log_in(base: Project) -> None:
    owner, reader = ((ROOT / f"docker/postgres/{name}.sh").read_text() for name in ("owner", "reader"))
    for script in (owner, reader):
        for variable in re.findall(r"\$([A-Z_]+)", script):
            assert variable in base["services"]["postgres"]["environment"]
    assert "CREATE ROLE callcenter LOGIN" in owner
    assert "SUPERUSER" not in owner
    assert base["services"]["web"]["environment"]["DATABASE_URL"].startswith("postgres://callcenter:")
    assert [name for name in base["services"]["postgres"]["environment"] if SECRET.search(name)] == [
        "POSTGRES_PASSWORD",
        "POSTGRES_READER_PASSWORD",
    ]
