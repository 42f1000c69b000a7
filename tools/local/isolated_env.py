"""An environment isolated from everything else on the machine: for tests and benchmarks, which must not see `.env`."""

from urllib.parse import urlsplit

from agents.providers import registry
from tools.local.instance import ROOT
from tools.local.ports import LOOPBACK, free_ports
from tools.setup.environment import from_template


def isolated_environment() -> dict[str, str]:
    """Every variable of env.template: free ports, fresh secrets, and the simulator in place of every provider."""
    web, postgres, rabbitmq, livekit, livekit_udp, redis, simulator, flower = free_ports(8)
    return from_template(ROOT / "env.template") | {
        "PUBLIC_BASE_URL": f"http://localhost:{web}",
        "WEB_PORT": str(web),
        "POSTGRES_PORT": str(postgres),
        "RABBITMQ_PORT": str(rabbitmq),
        "LIVEKIT_PORT": str(livekit),
        "LIVEKIT_UDP_PORT": str(livekit_udp),
        "REDIS_PORT": str(redis),
        "SIMULATOR_PORT": str(simulator),
        "FLOWER_PORT": str(flower),
        "METRICS_PORT": "0",  # nobody scrapes; a test that does sets it
        "RABBITMQ_METRICS_PORT": "0",
        "TOOL_ALLOWED_NETWORKS": f"{LOOPBACK}/32",  # where the tests' web services are
        **simulated_providers(f"http://{LOOPBACK}:{simulator}"),
    }


def simulated_providers(simulator_url: str) -> dict[str, str]:
    """The addresses of all providers when the simulator stands in for them: on the paths that their own have."""
    return {each.url_variable: f"{simulator_url}{urlsplit(each.base_url).path}" for each in registry.all()}
