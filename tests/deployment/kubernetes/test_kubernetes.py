"""Every overlay is valid, hardened, and refers to what exists."""

import re
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from django.conf import settings as django_settings

from callcenter import __version__
from callcenter.checks import REQUIRED
from callcenter.environment import variables
from tests.deployment import dockerfiles
from tests.deployment.kubernetes.crd_schema import OF_OPERATORS
from tests.deployment.kubernetes.manifests import (
    FOLDER,
    OVERLAYS,
    WORKLOADS,
    Resource,
    containers,
    labels,
    of_kind,
    one,
    pod,
    render,
    settings,
)
from tests.deployment.test_commands import WEB_PORT, WORKER_PORT
from tests.deployment.test_compose import SECRET
from tools.local import ROOT
from tools.setup.environment import read

SECRETS = FOLDER / "secrets.env.example"


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> list[Resource]:
    return render(request.param)


@pytest.mark.parametrize("version", ["1.30", "1.33", "1.37"])
def test_every_resource_is_what_kubernetes_allows(overlay: list[Resource], version: str) -> None:
    for resource in overlay:
        if resource["kind"] in OF_OPERATORS:
            jsonschema.Draft202012Validator(OF_OPERATORS[resource["kind"]]).validate(resource)
        else:
            kubernetes_validate.validate(resource, version, strict=True)


def test_every_file_of_the_folder_is_used_by_some_overlay() -> None:
    used = set()
    for file in FOLDER.rglob("kustomization.yaml"):
        content = yaml.safe_load(file.read_text())
        names = [*content.get("resources", []), *content.get("components", [])]
        names += [name for each in content.get("configMapGenerator", []) for name in each.get("envs", [])]
        for path in (file.parent / name for name in names):
            assert path.exists(), path
            used.add(path.resolve())
    files = {path.resolve() for path in FOLDER.rglob("*") if path.is_file() and path.name != "kustomization.yaml"}
    assert files - used == {SECRETS.resolve()}


def test_every_process_is_there(overlay: list[Resource]) -> None:
    found = {(each["kind"], each["metadata"]["name"]) for each in of_kind(overlay, *WORKLOADS)}
    deployments = {("Deployment", name) for name in ("web", "housekeeping", "beat")}
    assert found == deployments | {("StatefulSet", "worker"), ("Job", "migrate")}
    assert {each["metadata"].get("namespace") for each in overlay} in ({"callcenter"}, {"callcenter-staging"})


def test_no_container_has_more_rights_than_it_needs(overlay: list[Resource]) -> None:
    for workload in of_kind(overlay, *WORKLOADS):
        security = pod(workload)["securityContext"]
        user = dockerfiles.final("worker").all("USER")
        assert [f"{security['runAsUser']}:{security['runAsGroup']}"] == user
        assert security["runAsNonRoot"] is True
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod(workload)["automountServiceAccountToken"] is False
        assert one(overlay, "ServiceAccount", pod(workload)["serviceAccountName"])
        for container in containers(workload):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
            assert container["resources"]["requests"]["cpu"]
            mounts = {mount["name"] for mount in container["volumeMounts"]}
            claims = {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])}
            assert mounts <= claims | {volume["name"] for volume in pod(workload)["volumes"]}


def test_every_image_comes_from_a_registry_in_this_version(overlay: list[Resource]) -> None:
    for workload in of_kind(overlay, *WORKLOADS):
        for container in containers(workload):
            image = "worker" if labels(workload)["app.kubernetes.io/component"] == "worker" else "web"
            assert container["image"] == f"registry.example.com/callcenter-{image}:{__version__}"


def test_settings_and_secrets_come_by_reference(overlay: list[Resource]) -> None:
    (config,) = of_kind(overlay, "ConfigMap")
    assert not of_kind(overlay, "Secret")
    for workload in of_kind(overlay, *WORKLOADS):
        for container in containers(workload):
            assert container["envFrom"] == [
                {"configMapRef": {"name": config["metadata"]["name"]}},
                {"secretRef": {"name": "callcenter-secrets"}},
            ]


def test_redis_is_known_to_those_whom_the_network_policy_lets_reach_it(overlay: list[Resource]) -> None:
    """`manage.py doctor` tries it where its address is given, and elsewhere says to try it in a pod of "web"."""
    allowed = one(overlay, "NetworkPolicy", "to-redis")["spec"]["podSelector"]["matchLabels"]
    for workload in of_kind(overlay, *WORKLOADS):
        may_reach = allowed.items() <= labels(workload).items()
        for container in containers(workload):
            assert container.get("env", []) == ([] if may_reach else [{"name": "CACHE_URL", "value": ""}])


def test_no_proxy_is_trusted_before_the_operator_names_its_network(overlay: list[Resource]) -> None:
    assert settings(overlay)["TRUSTED_PROXIES"] == ""


def test_every_name_is_one_of_env_template_and_no_secret_is_among_the_settings(overlay: list[Resource]) -> None:
    known = set(read(ROOT / "env.template"))
    given, secret = settings(overlay), read(SECRETS)
    assert set(given) <= known
    assert set(secret) <= known
    assert not any(secret.values())
    assert variables.problems(given) == []
    assert not [name for name in given if SECRET.search(name)]
    assert not set(given) & set(secret)
    assert set(REQUIRED) <= set(given) | set(secret)
    assert given["DJANGO_DEBUG"] == "false"
    assert given["ADMIN_REQUIRES_OTP"] == "true"
    assert given["PUBLIC_BASE_URL"].removeprefix("https://") in given["ALLOWED_HOSTS"].split(",")


def test_a_worker_has_time_to_end_its_calls(overlay: list[Resource]) -> None:
    worker = one(overlay, "StatefulSet", "worker")
    assert pod(worker)["terminationGracePeriodSeconds"] == int(settings(overlay)["DRAIN_SECONDS"]) + 45
    budget = one(overlay, "PodDisruptionBudget", "worker")["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"]["matchLabels"].items() <= labels(worker).items()


def test_a_worker_has_a_spool_that_outlives_it(overlay: list[Resource]) -> None:
    worker = one(overlay, "StatefulSet", "worker")
    (claim,) = worker["spec"]["volumeClaimTemplates"]
    mounts = {mount["name"]: mount["mountPath"] for mount in pod(worker)["containers"][0]["volumeMounts"]}
    assert mounts[claim["metadata"]["name"]] == dockerfiles.final("worker").environment["SPOOL_DIR"]
    assert worker["spec"]["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_web_processes_are_replaced_one_by_one_and_drain(overlay: list[Resource]) -> None:
    web = one(overlay, "Deployment", "web")
    (container,) = pod(web)["containers"]
    command = dockerfiles.final("web").command
    graceful = int(command[command.index("--timeout-graceful-shutdown") + 1])
    (_, pause) = container["lifecycle"]["preStop"]["exec"]["command"]
    assert web["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert pod(web)["terminationGracePeriodSeconds"] > int(pause) + graceful


def test_nothing_starts_before_the_database_has_this_version(overlay: list[Resource]) -> None:
    for workload in of_kind(overlay, "Deployment", "StatefulSet"):
        (wait,) = pod(workload)["initContainers"]
        assert wait["args"][-1] == "until python manage.py migrate --check; do sleep 3; done"


def test_probes_ask_what_is_answered(overlay: list[Resource]) -> None:
    ports = {"web": {"http": WEB_PORT}, "worker": {"metrics": WORKER_PORT}, "housekeeping": {}, "beat": {}}
    for workload in of_kind(overlay, "Deployment", "StatefulSet"):
        name = workload["metadata"]["name"]
        (container,) = pod(workload)["containers"]
        assert {each["name"]: each["containerPort"] for each in container.get("ports", [])} == ports[name]
        probes = {key: value for key, value in container.items() if key.endswith("Probe")}
        wanted = {"web": 3, "worker": 3, "housekeeping": 1, "beat": 0}
        assert len(probes) == wanted[name]
        for probe in probes.values():
            port = probe.get("httpGet", probe.get("tcpSocket", {})).get("port")
            assert port is None or port in ports[name]
            assert probe.get("httpGet", {}).get("path", "/health") == "/health"


def test_processes_run_what_compose_runs(overlay: list[Resource], base: dict[str, Any]) -> None:
    for kind, name in (("Deployment", "housekeeping"), ("Deployment", "beat"), ("Job", "migrate")):
        (container,) = pod(one(overlay, kind, name))["containers"]
        assert container["args"] == base["services"][name]["command"]
    for kind, name in (("Deployment", "web"), ("StatefulSet", "worker")):
        (container,) = pod(one(overlay, kind, name))["containers"]
        assert not {"command", "args"} & set(container)  # the image's own


def test_every_selector_finds_pods_and_every_port_has_a_name_there(overlay: list[Resource]) -> None:
    pods = [(labels(workload), workload) for workload in of_kind(overlay, *WORKLOADS)]

    def ports_of(selector: dict[str, str]) -> set[str]:
        found = [workload for labeled, workload in pods if selector.items() <= labeled.items()]
        assert found, selector
        return {port["name"] for each in found for port in pod(each)["containers"][0].get("ports", [])}

    for workload in of_kind(overlay, "Deployment", "StatefulSet"):
        ports_of(workload["spec"]["selector"]["matchLabels"])
    for service in of_kind(overlay, "Service"):
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports_of(service["spec"]["selector"])
    for budget in of_kind(overlay, "PodDisruptionBudget"):
        ports_of(budget["spec"]["selector"]["matchLabels"])
    for monitor in of_kind(overlay, "ServiceMonitor"):
        selector = monitor["spec"]["selector"]["matchLabels"]
        (service,) = (
            each for each in of_kind(overlay, "Service") if selector.items() <= each["metadata"]["labels"].items()
        )
        assert {each["port"] for each in monitor["spec"]["endpoints"]} <= {
            each["name"] for each in service["spec"]["ports"]
        }
        assert {each["path"] for each in monitor["spec"]["endpoints"]} == {"/metrics"}
        for each in monitor["spec"]["endpoints"]:
            assert each["authorization"]["credentials"] == {"name": "callcenter-secrets", "key": "METRICS_TOKEN"}
    for ingress in of_kind(overlay, "Ingress"):
        size = f"{django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024}k"
        assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"] == size
        for rule in ingress["spec"]["rules"]:
            assert rule["host"] in settings(overlay)["ALLOWED_HOSTS"].split(",")
            for path in rule["http"]["paths"]:
                target = path["backend"]["service"]
                service = one(overlay, "Service", target["name"])
                assert target["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}


def test_nothing_is_reached_that_no_policy_names(overlay: list[Resource]) -> None:
    policies = of_kind(overlay, "NetworkPolicy")
    deny = one(overlay, "NetworkPolicy", "default-deny")["spec"]
    assert deny == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "callcenter"}},
        "policyTypes": ["Ingress", "Egress"],
    }
    for workload in of_kind(overlay, *WORKLOADS):
        assert labels(workload)["app.kubernetes.io/part-of"] == "callcenter"
    named = {
        port["name"] for each in of_kind(overlay, *WORKLOADS) for port in pod(each)["containers"][0].get("ports", [])
    }
    for policy in policies:
        for rule in policy["spec"].get("ingress", []):
            assert rule["from"]
            assert {port["port"] for port in rule["ports"]} <= named
        for rule in policy["spec"].get("egress", []):
            assert rule["to"]
            assert rule["ports"]
            blocks = [each["ipBlock"] for each in rule["to"] if "ipBlock" in each]
            if {port["port"] for port in rule["ports"]} != {53}:  # names are answered there on some clusters
                assert all("169.254.0.0/16" in block["except"] for block in blocks)


def test_names_are_looked_up_wherever_a_cluster_answers_for_them(overlay: list[Resource]) -> None:
    outwards = one(overlay, "NetworkPolicy", "outwards")["spec"]["egress"]
    asked = [to for rule in outwards if 53 in {port["port"] for port in rule["ports"]} for to in rule["to"]]

    assert {"ipBlock": {"cidr": "169.254.20.10/32"}} in asked  # NodeLocal DNSCache
    assert {"ipBlock": {"cidr": "169.254.169.254/32"}} in asked  # GKE's Cloud DNS
    assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}} in asked


def test_the_number_of_workers_follows_the_calls_that_are_held_and_that_wait() -> None:
    production = render("production")
    scaled = one(production, "ScaledObject", "worker")["spec"]
    target = scaled["scaleTargetRef"]
    (trigger,) = scaled["triggers"]
    given, query = settings(production), trigger["metadata"]["query"]
    exported = set(re.findall(r'"(callcenter_\w+)"', (ROOT / "calls/reporting/collectors.py").read_text()))

    assert "replicas" not in one(production, target["kind"], target["name"])["spec"]
    assert re.findall(r"max\((\w+)\{", query) == ["callcenter_calls_active", "callcenter_calls_queued"]
    assert set(re.findall(r"callcenter_\w+", query)) <= exported
    assert f'namespace="{target_namespace(production)}"' in query
    slots = int(given["WORKER_SCALE_FACTOR"])
    assert 0 < int(trigger["metadata"]["threshold"]) < slots
    assert scaled["maxReplicaCount"] * slots >= int(given["MAX_CONCURRENT_AGENTS"])
    assert scaled["fallback"]["replicas"] * slots >= 100


def target_namespace(resources: list[Resource]) -> str:
    return str(one(resources, "ScaledObject", "worker")["metadata"]["namespace"])
