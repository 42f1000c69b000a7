"""Prometheus's configuration and rules are right by its own tools, and every alert is tested and explained."""

import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from calls.reporting.success import success_rate
from calls.states import FINAL, EndReason, Status
from tests.metrics.monitoring.provisioned import ALERTS, BY_PROMETHEUS, PROMETHEUS, RECORDED, RULES, promql
from tests.metrics.samples import metrics_in
from tests.services import INSTANCE
from tools.local import ROOT, Prometheus

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


def promtool(*arguments: str | Path) -> None:
    """Run promtool; fail with what it says."""
    done = subprocess.run(["promtool", *map(str, arguments)], cwd=PROMETHEUS, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_the_rules_fire_when_they_should_and_only_then() -> None:
    promtool("test", "rules", "alerts_test.yml")


@needs_promtool
def test_the_configuration_for_containers_is_valid() -> None:
    promtool("check", "config", "--syntax-only", "prometheus.yml")
    promtool("check", "rules", "alerts.yml")


@needs_promtool
def test_the_configuration_of_a_private_prometheus_is_valid(tmp_path: Path) -> None:
    prometheus = Prometheus(replace(INSTANCE, state_dir=tmp_path, rabbitmq_metrics_port=15692))
    prometheus.prepare()

    promtool("check", "config", prometheus.settings_file)


@needs_promtool
def test_every_query_of_the_dashboards_is_promql(tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": query} for number, (_, query) in enumerate(promql())]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))

    assert len(rules) > 40
    promtool("check", "rules", file)


def test_every_metric_in_a_rule_exists(exported: set[str]) -> None:
    missing = {
        (rule.get("alert") or rule["record"], name)
        for rule in RULES
        for name in metrics_in(rule["expr"]) - exported - RECORDED - BY_PROMETHEUS
    }

    assert missing == set()


@pytest.mark.parametrize("status", sorted(FINAL))
def test_the_alert_judges_the_calls_that_the_product_judges(status: Status) -> None:
    [rule] = [rule for rule in RULES if rule.get("record") == "callcenter:calls_judged:increase15m"]
    selectors = re.findall(r"callcenter_calls_total\{([^}]+)\}", rule["expr"])
    assert len(selectors) == 2

    for reason in EndReason:
        selected = any(_selects(selector, {"status": status, "end_reason": reason}) for selector in selectors)
        assert selected == (success_rate({(status, reason): 1}) is not None), reason


def _selects(selector: str, labels: dict[str, str]) -> bool:
    """Whether a series with these labels is among those of the selector, which is what stands between its braces."""
    matchers = re.findall(r'(\w+)(=~|!~|=)"([^"]*)"', selector)
    return all((re.fullmatch(value, labels[name]) is not None) != (how == "!~") for name, how, value in matchers)


def test_every_alert_is_tested_and_says_what_to_do() -> None:
    tested = (PROMETHEUS / "alerts_test.yml").read_text()
    fires = set(re.findall(r"alertname: (\w+)\n +exp_alerts", tested))
    guide = (ROOT / "docs/OPERATIONS.md").read_text()

    assert sorted(fires) == sorted(ALERTS)
    for rule in RULES:
        if "alert" in rule:
            assert rule["annotations"]["runbook"] == f"docs/OPERATIONS.md#{rule['alert'].lower()}"
            assert rule["labels"]["severity"] in ("warning", "critical")
            assert f"\n#### {rule['alert']}\n" in guide


def test_the_private_prometheus_asks_where_this_instance_listens(tmp_path: Path) -> None:
    instance = replace(INSTANCE, state_dir=tmp_path, rabbitmq_metrics_port=15692, prometheus_port=9191)
    jobs = {job["job_name"]: job for job in Prometheus(instance).settings()["scrape_configs"]}

    assert jobs["web"]["static_configs"] == [{"targets": [f"127.0.0.1:{INSTANCE.web_port}"]}]
    assert jobs["worker"]["file_sd_configs"][0]["files"] == [f"{tmp_path}/metrics/*.json"]
    assert jobs["rabbitmq"]["static_configs"] == [{"targets": ["127.0.0.1:15692"]}]
    assert jobs["prometheus"]["static_configs"] == [{"targets": ["127.0.0.1:9191"]}]
    assert "dns_sd_configs" not in str(jobs)
    without = Prometheus(replace(instance, rabbitmq_metrics_port=None)).settings()["scrape_configs"]
    assert [job["job_name"] for job in without] == ["web", "worker", "prometheus"]


def test_the_ports_in_the_configuration_are_those_of_the_settings() -> None:
    settings = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    ports = {job["job_name"]: job.get("dns_sd_configs", [{}])[0].get("port") for job in settings["scrape_configs"]}
    template = (ROOT / "env.template").read_text()

    assert f"WEB_PORT={ports['web']}" in template
    assert f"METRICS_PORT={ports['worker']}" in template
    assert os.access(ROOT / "docker/rabbitmq/enabled_plugins", os.R_OK)
