"""`python -m tools.chaos.seed`: the persona that answers, with its number."""

import os

import django

from tools.chaos.calls import conversation


def main() -> None:
    """Write them to the database of the environment, which is the soak's own and empty."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "callcenter.settings")
    django.setup()
    # Models can be imported only now.
    from agents import services
    from agents.models import Persona, PersonaTool
    from calls.models import PhoneNumber

    persona = Persona.objects.create(
        name="Chaos",
        prompt=conversation.PROMPT,
        greeting=conversation.GREETING,
        voice_id=conversation.VOICE_ID,
        silence_after_s=5,
        silence_prompts_max=1,
    )
    PersonaTool.objects.create(
        persona=persona,
        name=conversation.TOOL,
        description="Reserves something.",
        parameters={"type": "object", "properties": {}},
        url=os.environ["CHAOS_TOOL_URL"],
        timeout_s=conversation.TOOL_TIMEOUT_S,
    )
    services.publish(persona)
    PhoneNumber.objects.create(e164=conversation.NUMBER, persona=persona, max_calls=1000, ring_time_s=60)


if __name__ == "__main__":
    main()
