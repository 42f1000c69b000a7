"""Private Prometheus, where the system has one: scrapes the web process, every worker, RabbitMQ and itself."""

import http.client
import os
import shutil
from pathlib import Path
from typing import Any

import yaml

from tools.local.instance import ROOT
from tools.local.ports import LOOPBACK, Transport
from tools.local.process import Daemon
from tools.local.servers.service import Service, program

SHARED = ROOT / "docker/prometheus"
KEPT = "15d"


class Prometheus(Service):
    """Not started by default: nothing needs it. It asks every five seconds, because a private one is looked at live."""

    name = "prometheus"
    title = "Prometheus"

    @staticmethod
    def is_installed() -> bool:
        """Whether there is a program to start."""
        return shutil.which("prometheus", path=f"{os.environ.get('PATH', '')}:/usr/local/bin:/usr/bin") is not None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.instance.prometheus_port}"

    @property
    def settings_file(self) -> Path:
        return self.directory / "prometheus.yml"

    @property
    def metrics_dir(self) -> Path:
        """Where workers write down their ports."""
        return self.instance.metrics_dir or self.instance.state_dir / "metrics"

    def ports(self) -> list[tuple[int, str, Transport]]:
        return [(self.instance.prometheus_port, "PROMETHEUS_PORT", "tcp")]

    def prepare(self) -> None:
        self.make_directory(self.directory)
        self.write(self.directory / "token", self.instance.metrics_token)
        self.write(self.directory / "alerts.yml", (SHARED / "alerts.yml").read_text())
        self.write(self.settings_file, yaml.safe_dump(self.settings(), sort_keys=False))

    def settings(self) -> dict[str, Any]:
        """The shared settings, with this instance's addresses; without RabbitMQ where it shows no metrics."""
        settings: dict[str, Any] = yaml.safe_load((SHARED / "prometheus.yml").read_text())
        settings["global"] = {"scrape_interval": "5s", "evaluation_interval": "5s"}
        settings["rule_files"] = [str(self.directory / "alerts.yml")]
        rabbitmq = self._static(self.instance.rabbitmq_metrics_port)
        found = {
            "web": self._static(self.instance.web_port),
            "worker": {"file_sd_configs": [{"files": [f"{self.metrics_dir}/*.json"], "refresh_interval": "5s"}]},
            "rabbitmq": rabbitmq,
            "rabbitmq-queues": rabbitmq,
            "prometheus": self._static(self.instance.prometheus_port),
        }
        jobs = [job for job in settings["scrape_configs"] if found[job["job_name"]]]
        for job in jobs:
            job.pop("dns_sd_configs", None)
            job.update(found[job["job_name"]])
            if "authorization" in job:
                job["authorization"] = {"credentials_file": str(self.directory / "token")}
        return settings | {"scrape_configs": jobs}

    def daemon(self) -> Daemon:
        return Daemon(
            command=[
                program("prometheus"),
                f"--config.file={self.settings_file}",
                f"--storage.tsdb.path={self.directory / 'data'}",
                f"--storage.tsdb.retention.time={KEPT}",
                f"--web.listen-address={LOOPBACK}:{self.instance.prometheus_port}",
                "--log.level=warn",
            ],
            pid_file=self.instance.state_dir / "prometheus.pid",
            log_file=self.log_file,
            directory=self.directory,
        )

    def answers(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self.instance.prometheus_port, timeout=1)
        try:
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    @staticmethod
    def _static(port: int | None) -> dict[str, Any]:
        return {"static_configs": [{"targets": [f"{LOOPBACK}:{port}"]}]} if port else {}
