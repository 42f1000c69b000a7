"""What docker/prometheus and docker/grafana hold: rules, dashboards and their queries."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tools.local import ROOT

PROMETHEUS = ROOT / "docker/prometheus"
GRAFANA = ROOT / "docker/grafana"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
ALERTS = [rule["alert"] for rule in RULES if "alert" in rule]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
BY_PROMETHEUS = {"up", "ALERTS"}
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))


def load(dashboard: Path) -> dict[str, Any]:
    """The dashboard as Grafana reads it."""
    board: dict[str, Any] = json.loads(dashboard.read_text())
    return board


def targets(dashboard: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each query of a dashboard, with the title of its panel or the name of its variable."""
    board = load(dashboard)
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target
    for variable in board["templating"]["list"]:
        yield variable["name"], {"datasource": variable["datasource"], "rawSql": variable["query"]}


def promql() -> list[tuple[str, str]]:
    """All PromQL of the dashboards, with where it stands; Grafana's interval is five minutes."""
    return [
        (f"{dashboard.stem}: {title}", target["expr"].replace("$__rate_interval", "5m"))
        for dashboard in DASHBOARDS
        for title, target in targets(dashboard)
        if "expr" in target
    ]


def sql(call_id: str) -> list[tuple[str, str]]:
    """All SQL of the dashboards, as Grafana sends it for this call and the last hour."""
    macros = {
        "$__timeFilter(created_at)": "created_at BETWEEN now() - interval '1 hour' AND now()",
        "$__timeFilter(c.created_at)": "c.created_at BETWEEN now() - interval '1 hour' AND now()",
        "${call:sqlstring}": f"'{call_id}'",
    }
    found = []
    for dashboard in DASHBOARDS:
        for title, target in targets(dashboard):
            query = target.get("rawSql", "")
            for macro, meaning in macros.items():
                query = query.replace(macro, meaning)
            if query:
                found.append((f"{dashboard.stem}: {title}", query))
    return found
