"""Both Compose files are valid, pinned, hardened, and name only what exists."""

import os
import re
import subprocess
from typing import Any

import jsonschema
import pytest
import yaml
from django.conf import settings

from agents.models import Persona
from agents.providers import registry
from callcenter import __version__
from callcenter.environment.providers import variables_of
from tests.deployment import composing
from tests.deployment.compose_schema import PROJECT
from tools.local import ROOT
from tools.setup.environment import read

OURS = ("web", "worker", "housekeeping", "beat", "migrate", "flower", "demo-data", "simulator")
JOBS = ("migrate", "demo-data")
# Beat answers nobody, and the image of LiveKit's SIP service has nothing to ask it with.
WITHOUT_HEALTHCHECK = (*JOBS, "beat", "livekit-sip")
# Their tags' digests could not be confirmed; docs/SETUP.md says how to pin them.
WITHOUT_DIGEST = ("livekit", "livekit-sip")
ALL = {*OURS, "postgres", "rabbitmq", "redis", "livekit", "livekit-sip", "prometheus", "grafana"}
# What the images of others read.
FOREIGN = re.compile(
    r"GF_[A-Z_]+|POSTGRES_(USER|DB)|RABBITMQ_DEFAULT_(USER|PASS)|LIVEKIT_(CONFIG|WS_URL)|SIP_CONFIG_BODY"
    r"|FLOWER_BASIC_AUTH|REDISCLI_AUTH"
)
SECRET = re.compile(r"PASS|SECRET|KEY|TOKEN|AUTH$")

Project = dict[str, Any]


@pytest.fixture(params=["base", "production"])
def project(request: pytest.FixtureRequest) -> Project:
    found: Project = request.getfixturevalue(request.param)
    return found


def services(project: Project) -> list[tuple[str, Any]]:
    return list(project["services"].items())


def networks(service: Any) -> set[str]:
    return set() if "network_mode" in service else set(service.get("networks", ["default"]))


def seconds(duration: str) -> int:
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([hms])", duration))


def test_the_file_is_what_the_compose_specification_allows(project: Project) -> None:
    jsonschema.Draft202012Validator(PROJECT).validate(project)


def test_every_process_has_a_service(base: Project, production: Project) -> None:
    assert set(base["services"]) == ALL
    assert set(production["services"]) == ALL | {"proxy"}
    assert {name for name, service in services(base) if "profiles" in service} == {"simulator", "demo-data"}


def test_a_secret_that_is_not_set_is_named_before_anything_starts() -> None:
    template = read(ROOT / "env.template")
    with pytest.raises(composing.MissingVariable, match="run scripts/setup"):
        composing.project(template, composing.BASE)


def test_every_image_is_pinned_to_a_version(project: Project) -> None:
    for name, service in services(project):
        image, _, tag = service["image"].partition("@")[0].partition(":")
        assert re.match(r"v?\d+\.\d+\.\d+|\d+\.\d+-", tag), f"{name}: {service['image']}"
        if name in OURS:
            assert (image.startswith("callcenter-"), tag) == (True, __version__)
            assert (ROOT / service["build"]["dockerfile"]).exists()


def test_an_image_of_others_is_pinned_to_its_content(project: Project) -> None:
    """A tag can be moved to another image, a digest cannot."""
    for name, service in services(project):
        _, _, digest = service["image"].partition("@")
        wanted = "" if name in (*OURS, *WITHOUT_DIGEST) else r"sha256:[0-9a-f]{64}"
        assert re.fullmatch(wanted, digest), f"{name}: {service['image']}"


def test_no_process_has_more_rights_than_it_needs(project: Project) -> None:
    may_add = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}
    for name, service in services(project):
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        allowed = {"proxy": {"NET_BIND_SERVICE"}, "postgres": may_add, "rabbitmq": may_add, "redis": may_add}
        assert set(service.get("cap_add", [])) <= allowed.get(name, set()), name
        assert service["read_only"] is True or name == "rabbitmq", name
        assert not any("docker.sock" in volume for volume in service.get("volumes", [])), name
        assert service["restart"] == ("no" if name in JOBS else "unless-stopped"), name


def test_no_read_only_service_has_a_secret_of_the_environment(project: Project) -> None:
    """Compose copies such a secret into the container's disk, and ends with an error when it is read-only."""
    of_environment = {name for name, secret in project.get("secrets", {}).items() if "environment" in secret}
    for name, service in services(project):
        if service["read_only"]:
            assert not of_environment & {_secret(each) for each in service.get("secrets", [])}, name


def _secret(reference: str | dict[str, str]) -> str:
    return reference if isinstance(reference, str) else reference["source"]


def test_every_service_reports_its_health(project: Project) -> None:
    assert {name for name, service in services(project) if "healthcheck" not in service} == set(WITHOUT_HEALTHCHECK)


def test_who_waits_for_another_can_reach_it_and_gets_an_answer(project: Project) -> None:
    for name, service in services(project):
        for other, how in service.get("depends_on", {}).items():
            waited = project["services"][other]
            if how["condition"] == "service_healthy":
                assert "healthcheck" in waited, f"{name} -> {other}"
                assert "network_mode" in service or networks(service) & networks(waited), f"{name} -> {other}"
            else:
                assert other in JOBS, f"{name} -> {other}"


def test_everything_that_is_mounted_exists(project: Project) -> None:
    used = set()
    for name, service in services(project):
        for source, target in (volume.split(":")[:2] for volume in service.get("volumes", [])):
            if source.startswith("."):
                assert (ROOT / source).exists(), f"{name}: {source}"
                assert volume_is_read_only(service, source), f"{name}: {source}"
                assert os.access(ROOT / source, os.X_OK) or "initdb" not in target, f"{source} cannot be run"
            else:
                used.add(source)
        assert set(service.get("secrets", [])) <= set(project.get("secrets", {})), name
        assert networks(service) <= set(project["networks"]), name
    assert used == set(project["volumes"])


def volume_is_read_only(service: Any, source: str) -> bool:
    return any(volume.startswith(f"{source}:") and volume.endswith(":ro") for volume in service["volumes"])


def test_only_telephony_and_the_proxy_are_open_to_the_outside(base: Project, production: Project) -> None:
    def open_to_all(project: Project) -> set[str]:
        return {
            name
            for name, service in services(project)
            if any(not port.startswith("127.0.0.1:") for port in service.get("ports", []))
        }

    assert open_to_all(base) == {"livekit-sip"}
    assert open_to_all(production) == {"proxy", "livekit"}
    to_all = [port for port in production["services"]["livekit"]["ports"] if not port.startswith("127.0.0.1:")]
    assert to_all == ["0.0.0.0:7881:7881", "0.0.0.0:7882:7882/udp"]  # media of browsers, encrypted by itself
    assert "ports" not in production["services"]["web"]
    assert production["services"]["livekit-sip"]["network_mode"] == "host"


def test_a_port_is_published_from_a_network_that_reaches_the_outside(project: Project) -> None:
    internal = {name for name, network in project["networks"].items() if network.get("internal")}
    for name, service in services(project):
        if service.get("ports"):
            assert networks(service) - internal, name


def test_the_database_and_the_broker_are_reached_by_their_users_only(project: Project) -> None:
    members = {
        network: {name for name, service in services(project) if network in networks(service)}
        for network in ("database", "broker", "telephony", "counting")
    }
    django = {"web", "worker", "housekeeping", "beat", "demo-data"}
    assert members["database"] == django | {"postgres", "migrate", "grafana"}
    assert members["broker"] == django | {"rabbitmq", "flower"}
    assert members["telephony"] >= {"redis", "livekit"}
    assert not members["telephony"] & set(OURS)
    assert members["counting"] == {"redis", "web"}


def test_every_name_that_is_read_is_one_of_env_template(project: Project) -> None:
    known = set(read(ROOT / "env.template"))
    assert composing.variables(composing.BASE) | composing.variables(composing.PRODUCTION) <= known
    for name, service in services(project):
        for variable in service.get("environment", {}):
            assert variable in known or FOREIGN.fullmatch(variable), f"{name}: {variable}"


def test_every_setting_of_the_processes_is_passed_on_to_them(base: Project) -> None:
    """So that a line in .env has the same effect in containers as without them."""
    text = (ROOT / "callcenter/settings.py").read_text()
    wanted = set(re.findall(r'env\.\w+\("([A-Z_0-9]+)"', text))
    # these make addresses of private services, which the Compose file writes itself
    private = {"POSTGRES_PASSWORD", "POSTGRES_PORT", "RABBITMQ_PASSWORD", "RABBITMQ_PORT", "LIVEKIT_PORT"}
    private |= {"REDIS_PASSWORD", "REDIS_PORT"}
    of_the_web_process = {"CACHE_URL", "LIVEKIT_PUBLIC_URL"}
    of_a_worker = {"SPOOL_DIR", "METRICS_PORT", "METRICS_HOST", "METRICS_DIR"}
    wanted |= {name for provider in registry.all() for name in variables_of(provider)}
    wanted.remove("CALL_RUNNER")  # of the benchmark and the load tests, which start their own workers
    assert wanted - private - of_the_web_process <= set(base["services"]["worker"]["environment"])
    assert wanted - private - of_a_worker <= set(base["services"]["web"]["environment"])


def test_redis_requires_the_password_that_its_clients_have(project: Project) -> None:
    redis, livekit, sip = (project["services"][name] for name in ("redis", "livekit", "livekit-sip"))
    password = redis["environment"]["REDISCLI_AUTH"]
    assert len(password) > 20
    assert 'requirepass "$REDISCLI_AUTH"' in redis["command"][-1]
    assert yaml.safe_load(livekit["environment"]["LIVEKIT_CONFIG"])["redis"]["password"] == password
    assert yaml.safe_load(sip["environment"]["SIP_CONFIG_BODY"])["redis"]["password"] == password
    assert project["services"]["web"]["environment"]["CACHE_URL"] == f"redis://:{password}@redis:6379/1"


def test_only_web_processes_count_in_redis(project: Project) -> None:
    """`manage.py doctor` tries it where its address is given, and elsewhere says to try it in the service "web"."""
    ours = {name: service["environment"] for name, service in services(project) if name in OURS}
    assert {name for name, environment in ours.items() if "CACHE_URL" in environment} == {"web"}
    assert ours["worker"]["IN_CONTAINERS"] == "true"


def test_no_secret_is_in_a_file() -> None:
    for path in (composing.BASE, composing.PRODUCTION):
        for name, service in composing.load(path)["services"].items():
            for variable, value in service.get("environment", {}).items():
                if SECRET.search(variable) and value is not None:
                    assert "${" in value, f"{path.name}: {name}: {variable}"


def test_a_process_gets_no_secret_that_it_does_not_use(base: Project) -> None:
    passwords = {"POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "GRAFANA_PASSWORD", "FLOWER_PASSWORD", "ADMIN_PASSWORD"}
    for name in ("web", "worker", "housekeeping", "beat", "simulator"):
        assert not passwords & set(base["services"][name]["environment"]), name
    assert set(base["services"]["flower"]["environment"]) == {"CELERY_BROKER_URL", "LOG_LEVEL", "FLOWER_BASIC_AUTH"}


def test_a_stop_waits_for_the_longest_call(project: Project) -> None:
    validators: Any = Persona._meta.get_field("max_duration_s").validators
    (longest,) = {each.limit_value for each in validators if each.code == "max_value"}
    for name in ("worker", "livekit-sip"):
        grace = seconds(project["services"][name]["stop_grace_period"])
        assert grace == longest + 45 > settings.DRAIN_SECONDS + 45


def test_what_a_dead_worker_left_is_there_for_the_next(project: Project) -> None:
    worker = project["services"]["worker"]
    assert f"spool:{worker['environment']['SPOOL_DIR']}" in worker["volumes"]


def test_production_is_as_large_as_it_says(production: Project) -> None:
    deploy = {name: service["deploy"] for name, service in services(production) if name not in (*JOBS, "simulator")}
    assert (deploy["web"]["replicas"], deploy["worker"]["replicas"]) == (2, 20)
    for name in ("web", "worker"):
        assert deploy[name]["resources"]["limits"] == {"cpus": "1", "memory": "1G"}
    processes = 2 + 20 + len(("housekeeping", "beat"))
    (connections,) = re.findall(r"max_connections=(\d+)", " ".join(production["services"]["postgres"]["command"]))
    grafana, for_the_superuser = 10, 3
    pool = settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]
    assert int(connections) >= processes * pool + grafana  # the superuser's come out of what is spare
    assert int(connections) - processes * pool - grafana >= for_the_superuser


def test_a_host_of_any_size_can_start_production(values: dict[str, str]) -> None:
    """An engine refuses a service that may take more cores than the host has."""
    smallest = composing.project({**values, "SERVICE_CPUS": "1"}, composing.BASE, composing.PRODUCTION)
    for name, service in services(smallest):
        limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
        assert float(limits.get("cpus", "0")) <= 1, name


def test_production_never_shows_errors_in_full_and_asks_for_a_code(production: Project) -> None:
    for name in ("web", "worker", "housekeeping", "beat"):
        assert production["services"][name]["environment"]["DJANGO_DEBUG"] == "false"
    assert production["services"]["web"]["environment"]["ADMIN_REQUIRES_OTP"] == "true"


def test_browsers_reach_livekit_at_its_port_and_in_production_through_the_proxy(
    base: Project, production: Project
) -> None:
    assert base["services"]["web"]["environment"]["LIVEKIT_PUBLIC_URL"].startswith("ws://127.0.0.1:")
    assert production["services"]["web"]["environment"]["LIVEKIT_PUBLIC_URL"] == ""  # this site's own address
    config = yaml.safe_load(production["services"]["livekit"]["environment"]["LIVEKIT_CONFIG"])
    assert config["rtc"] == {"udp_port": 7882, "tcp_port": 7881, "use_external_ip": True}
    assert "reverse_proxy /rtc* livekit:7880\n" in (ROOT / "docker/proxy/Caddyfile").read_text()
    assert networks(production["services"]["livekit"]) & networks(production["services"]["proxy"])


def test_livekit_in_a_container_has_the_settings_of_the_private_one(project: Project, production: Project) -> None:
    shared = yaml.safe_load((ROOT / "docker/livekit/livekit.yaml").read_text())
    shared["rtc"]["use_external_ip"] = project == production  # where browsers come from outside
    given = yaml.safe_load(project["services"]["livekit"]["environment"]["LIVEKIT_CONFIG"])
    for section, wanted in shared.items():
        assert {key: given[section][key] for key in wanted} == wanted
    (webhook,) = given["webhook"]["urls"]
    assert webhook == "http://web:8080/webhooks/livekit"
    assert "web" in project["services"]["web"]["environment"]["ALLOWED_HOSTS"].split(",")


def test_shell_scripts_that_containers_run_are_shell_scripts() -> None:
    for script in (ROOT / "docker").rglob("*.sh"):
        assert subprocess.run(["sh", "-n", str(script)]).returncode == 0
        assert os.access(script, os.X_OK), script
