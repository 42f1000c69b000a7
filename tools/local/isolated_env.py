"""An environment isolated from everything else on the machine: for tests and benchmarks, which must not see `.env`."""

from tools.local.instance import ROOT
from tools.local.ports import LOOPBACK, free_ports
from tools.setup.environment import from_template


def isolated_environment() -> dict[str, str]:
    """Every variable of env.template: free ports, fresh secrets, and the simulator in place of every provider."""
    web, postgres, rabbitmq, livekit, livekit_udp, redis, simulator, flower = free_ports(8)
    provider = f"http://{LOOPBACK}:{simulator}"
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
        "DEEPGRAM_BASE_URL": provider,
        "ELEVENLABS_BASE_URL": provider,
        "OPENAI_BASE_URL": f"{provider}/v1",
    }
