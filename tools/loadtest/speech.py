"""Which speech the callers must use: that of the simulator which runs, whatever `.env` says by now."""

import json
import urllib.request

from simulator.speech.synthesis import Speech
from tools.errors import ToolError

CURE = "scripts/scale.sh down, then SIMULATOR_SPEECH=scripted scripts/scale.sh up N; or use --private"


def simulated_speech(simulator_url: str) -> Speech:
    """Ask the simulator. Raises ToolError when it does not answer, or when it runs models of its own.

    Whisper and Piper need more processor than all the rest of a call: a load test would measure nothing else.
    """
    try:
        with urllib.request.urlopen(f"{simulator_url}/health", timeout=5) as answer:  # noqa: S310  our own simulator
            speech = json.load(answer)["speech"]
    except (OSError, ValueError, KeyError) as error:
        raise ToolError(f"the simulator at {simulator_url} does not answer ({error}): {CURE}") from error
    if speech != "scripted":
        raise ToolError(
            f"the simulator runs with SIMULATOR_SPEECH={speech}: its speech models need more processor than the calls, "
            f"so that a load test measures only them. Restart it with scripted speech: {CURE}"
        )
    return "scripted"
