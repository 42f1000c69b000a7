"""Every dashboard is one, and every query in it names what exists."""

import re
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from celery import current_app

from callcenter.celery import CALLS
from tests.metrics.monitoring.provisioned import BY_PROMETHEUS, DASHBOARDS, GRAFANA, RECORDED, load, promql, targets
from tests.metrics.samples import metrics_in, names_of
from tests.services import INSTANCE, remove
from tools.local import ROOT, Instance, RabbitMQ
from tools.local.ports import LOOPBACK, free_ports
from tools.setup.environment import read

PROVIDED = yaml.safe_load((GRAFANA / "provisioning/datasources/callcenter.yml").read_text())["datasources"]
# Numbers of the database, which every web process exports alike.
_OF_DATABASE = (
    r"callcenter_(?:calls_active|calls_queued|calls_total|slots_total|slots_busy|slots_free|workers|longest_wait_seconds"
    r"|sweep_age_seconds|queue_length|lease_losses_total|dependency_up)"
)
_ADDED_UP = re.compile(rf"sum(?:\s+(?:by|without)\s*\((?![^)]*\binstance\b)[^)]*\))?\s*\((?:\w+\()*{_OF_DATABASE}\b")

on_every_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.stem)


def test_there_are_four() -> None:
    assert [dashboard.stem for dashboard in DASHBOARDS] == ["call", "overview", "providers", "workers"]
    assert len({load(dashboard)["uid"] for dashboard in DASHBOARDS}) == 4


@on_every_dashboard
def test_every_panel_asks_a_provided_source(dashboard: Path) -> None:
    sources = {source["uid"]: source["type"] for source in PROVIDED}
    for title, target in targets(dashboard):
        source = target["datasource"]
        assert sources[source["uid"]] == source["type"], title
        assert target.get("expr") or target.get("rawSql"), title


@on_every_dashboard
def test_panels_have_a_place_of_their_own(dashboard: Path) -> None:
    taken: set[tuple[int, int]] = set()
    panels = load(dashboard)["panels"]
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_every_metric_in_a_query_exists(exported: set[str], rabbitmq_metrics: set[str]) -> None:
    known = exported | rabbitmq_metrics | RECORDED | BY_PROMETHEUS
    missing = {(where, name) for where, query in promql() for name in metrics_in(query) - known}

    assert missing == set()


def test_numbers_of_the_database_are_never_added_up() -> None:
    assert _ADDED_UP.search("sum by (status) (rate(callcenter_calls_total[5m]))")
    assert not _ADDED_UP.search("max(sum by (instance, status) (rate(callcenter_calls_total[5m])))")
    rules = yaml.safe_load((GRAFANA.parent / "prometheus/alerts.yml").read_text())["groups"]
    queries = [rule["expr"] for group in rules for rule in group["rules"]] + [query for _, query in promql()]

    assert [query for query in queries if _ADDED_UP.search(query)] == []


def test_the_sources_take_their_secrets_from_the_environment() -> None:
    text = (GRAFANA / "provisioning/datasources/callcenter.yml").read_text()

    assert set(re.findall(r"\$\{?([A-Z_]+)", text)) <= set(read(ROOT / "env.template"))
    postgres = next(source for source in PROVIDED if source["uid"] == "postgres")
    assert postgres["user"] == "callcenter_reader"


@pytest.fixture
def rabbitmq_metrics(tmp_path: Path) -> Iterator[set[str]]:
    """The names that RabbitMQ's plugin exports, on the addresses that Prometheus asks."""
    amqp, epmd, dist, metrics = free_ports(4)
    own: Instance = replace(
        INSTANCE,
        state_dir=INSTANCE.state_dir / "broker",
        rabbitmq_port=amqp,
        rabbitmq_epmd_port=epmd,
        rabbitmq_dist_port=dist,
        rabbitmq_metrics_port=metrics,
    )
    try:
        RabbitMQ(own).start()
        with current_app.connection(own.broker_url) as connection:
            CALLS(connection.default_channel).declare()
        detailed = "/metrics/detailed?family=queue_coarse_metrics&family=queue_consumer_count"
        yield names_of(_read(f"http://{LOOPBACK}:{metrics}{path}") for path in ("/metrics", detailed))
    finally:
        remove(own)


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310  our own broker
        text: str = response.read().decode()
        return text
