"""The Kubernetes resources of an overlay, as kustomize makes them."""

import shutil
import subprocess
from functools import cache
from typing import Any

import pytest
import yaml

from tools.local import ROOT

FOLDER = ROOT / "kubernetes"
OVERLAYS = ("staging", "production")
WORKLOADS = ("Deployment", "StatefulSet", "Job")

Resource = dict[str, Any]


@cache
def render(overlay: str) -> list[Resource]:
    """Every resource of the overlay. Skips the test where neither kubectl nor kustomize is installed."""
    for program, arguments in (("kubectl", ["kustomize"]), ("kustomize", ["build"])):
        if found := shutil.which(program):
            command = [found, *arguments, str(FOLDER / "overlays" / overlay)]
            done = subprocess.run(command, capture_output=True, text=True)
            assert (done.returncode, done.stderr) == (0, "")
            return list(yaml.safe_load_all(done.stdout))
    pytest.skip("neither kubectl nor kustomize is installed")


def of_kind(resources: list[Resource], *kinds: str) -> list[Resource]:
    """Those of these kinds."""
    return [resource for resource in resources if resource["kind"] in kinds]


def one(resources: list[Resource], kind: str, name: str) -> Resource:
    """The resource of this kind and name."""
    (found,) = (resource for resource in of_kind(resources, kind) if resource["metadata"]["name"] == name)
    return found


def pod(workload: Resource) -> Resource:
    """The specification of its pods."""
    found: Resource = workload["spec"]["template"]["spec"]
    return found


def containers(workload: Resource) -> list[Resource]:
    """Of its pods, those that begin included."""
    return [*pod(workload).get("initContainers", []), *pod(workload)["containers"]]


def labels(workload: Resource) -> dict[str, str]:
    """Of its pods."""
    found: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def settings(resources: list[Resource]) -> dict[str, str]:
    """What the generated ConfigMap says."""
    (found,) = of_kind(resources, "ConfigMap")
    data: dict[str, str] = found["data"]
    return data
