"""`python -m tools.bench.seed`: the benchmark's two personas, one for each turn policy, with their numbers."""

import os

import django

from tools.bench import conversation
from tools.bench.numbers import NUMBERS

MAX_CALLS = 1000


def main() -> None:
    """Write them to the database of the environment, which is the benchmark's own and empty."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "callcenter.settings")
    django.setup()
    # Models can be imported only now.
    from agents import services
    from agents.choices import TurnPolicy
    from agents.models import Persona
    from calls.models import PhoneNumber

    models = {"silence": (TurnPolicy.SMART_TURN, "nova-3-general"), "eager": (TurnPolicy.EAGER, "flux-general-en")}
    for policy, (turn_policy, stt_model) in models.items():
        persona = Persona.objects.create(
            name=f"Benchmark, {policy}",
            prompt=conversation.PROMPT,
            greeting=conversation.GREETING,
            voice_id=conversation.VOICE_ID,
            turn_policy=turn_policy,
            stt_model=stt_model,
        )
        services.publish(persona)
        PhoneNumber.objects.create(e164=NUMBERS[policy], persona=persona, max_calls=MAX_CALLS)


if __name__ == "__main__":
    main()
