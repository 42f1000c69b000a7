"""`python -m tools.measure.world.seed`: the benchmark's personas, one for each turn policy, with their numbers."""

import os

import django

from tools.errors import ToolError
from tools.measure import conversation
from tools.measure.numbers import NUMBERS, TURN_NUMBERS, Policy

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

    def answer(number: str, name: str, turn_policy: str, stt_model: str) -> None:
        persona = Persona.objects.create(
            name=name,
            prompt=conversation.PROMPT,
            greeting=conversation.GREETING,
            voice_id=conversation.VOICE_ID,
            turn_policy=turn_policy,
            stt_model=stt_model,
        )
        services.publish(persona)
        PhoneNumber.objects.create(e164=number, persona=persona, max_calls=MAX_CALLS)

    models: dict[Policy, tuple[TurnPolicy, str]] = {
        "silence": (TurnPolicy.SILENCE, "nova-3-general"),
        "eager": (TurnPolicy.EAGER, "flux-general-en"),
    }
    for policy, (turn_policy, stt_model) in models.items():
        answer(NUMBERS[policy], f"Benchmark, {policy}", turn_policy, stt_model)
    for turn_policy_value, number in TURN_NUMBERS.items():
        answer(number, f"Turns, {turn_policy_value}", turn_policy_value, _model_for(turn_policy_value))


def _model_for(turn_policy: str) -> str:
    """The first of Deepgram's models that a persona with this turn policy may have."""
    from django.core.exceptions import ValidationError

    from agents.models import Persona

    for stt_model in ("flux-general-en", "nova-3-general"):
        try:
            Persona(turn_policy=turn_policy, stt_model=stt_model).clean()
        except ValidationError:
            continue
        return stt_model
    raise ToolError(f"no model of Deepgram's fits the turn policy {turn_policy}: add it to tools/measure/world/seed.py")


if __name__ == "__main__":
    main()
