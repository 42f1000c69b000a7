"""Personas: a draft that supervisors edit, and immutable numbered versions that callers hear."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinLengthValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.module_loading import import_string

from agents.choices import Language, TurnPolicy, llm_providers, stt_providers, tts_providers
from agents.provider_choices import Choice, problem_of, problems_of_fallbacks
from agents.providers import registry
from agents.providers.offers import STAGES
from agents.tools import definitions
from agents.tools.encryption import EncryptedTextField


class PersonaSettings(models.Model):
    """What a persona is: the same fields in the draft and in every published version."""

    prompt = models.TextField(
        help_text="Instructions for the language model: who the agent is, what it knows, what it must not do. "
        "Callers never hear this text.",
        validators=[MinLengthValidator(10, "Write at least a sentence: without a prompt, the agent makes things up.")],
    )
    greeting = models.CharField(
        max_length=500, help_text="The first sentence of every call.", default="Hello, how can I help you?"
    )
    language = models.CharField(max_length=10, choices=Language, default=Language.ENGLISH_US)
    voice_id = models.CharField("voice", max_length=64, help_text="One of the text to speech provider's voices.")
    stt_provider = models.CharField("speech to text", max_length=20, choices=stt_providers, default="deepgram")
    stt_model = models.CharField(
        "speech to text model",
        max_length=64,
        default="flux-general-en",
        help_text="Deepgram's: flux-general-en or flux-general-multi for the fast turn policy; nova-3-general for the "
        "local ones.",
    )
    llm_provider = models.CharField("language model", max_length=20, choices=llm_providers, default="openai")
    llm_model = models.CharField("language model name", max_length=64, default="gpt-4.1-mini")
    tts_provider = models.CharField("text to speech", max_length=20, choices=tts_providers, default="elevenlabs")
    tts_model = models.CharField("text to speech model", max_length=64, default="eleven_flash_v2_5")
    turn_policy = models.CharField(max_length=20, choices=TurnPolicy, default=TurnPolicy.EAGER)
    max_duration_s = models.PositiveIntegerField(
        "maximum call length, in seconds",
        default=1800,
        validators=[MinValueValidator(30), MaxValueValidator(4 * 3600)],
        help_text="The agent says goodbye and hangs up after this time. Between 30 seconds and 4 hours.",
    )
    silence_after_s = models.PositiveIntegerField(
        "silence before asking, in seconds",
        default=8,
        validators=[MinValueValidator(2), MaxValueValidator(120)],
        help_text="If the caller says nothing for this long, the agent asks the silence prompt.",
    )
    silence_prompt = models.CharField(max_length=300, default="Are you still there?")
    silence_prompts_max = models.PositiveSmallIntegerField(
        "maximum silence prompts",
        default=2,
        validators=[MaxValueValidator(5)],
        help_text="After this many unanswered prompts, the agent says the goodbye and hangs up.",
    )
    goodbye = models.CharField(
        max_length=300,
        default="Thank you for calling. Goodbye.",
        help_text="Said before the agent hangs up because of silence or the maximum call length.",
    )
    # Each a list of {"provider", "model"[, "voice_id"]}, in the order in which they take over.
    stt_fallbacks = models.JSONField("speech to text fallbacks", default=list, blank=True)
    llm_fallbacks = models.JSONField("language model fallbacks", default=list, blank=True)
    tts_fallbacks = models.JSONField("text to speech fallbacks", default=list, blank=True)
    transfer_number = models.CharField(
        "number for provider failures",
        max_length=16,
        blank=True,
        validators=[RegexValidator(r"^\+[1-9]\d{6,14}$", "Write the number with its country code: +12025550100.")],
        help_text="Callers are transferred here only when no provider works. Empty: the agent apologizes and hangs up.",
    )

    class Meta:
        abstract = True

    def clean(self) -> None:
        super().clean()
        if self.language in Language and self.turn_policy in TurnPolicy:  # else their own fields say so
            self._check_providers()
        if self.transfer_number:
            self._check_transfer_number()

    def own_choice(self, stage: str) -> Choice:
        """The persona's own provider and model for a stage: stt, llm or tts."""
        voice_id = self.voice_id if stage == "tts" else ""
        return Choice(stage, getattr(self, f"{stage}_provider"), getattr(self, f"{stage}_model"), voice_id)

    def _check_providers(self) -> None:
        settings = TurnPolicy(self.turn_policy), Language(self.language)
        problems: dict[str, str | list[str]] = {}
        for stage in STAGES:
            own = self.own_choice(stage)
            if own.model and own.provider in {provider.name for provider in registry.offering(stage)}:
                problems[f"{stage}_model"] = problem_of(own, *settings)
            fallbacks = getattr(self, f"{stage}_fallbacks")
            problems[f"{stage}_fallbacks"] = problems_of_fallbacks(stage, fallbacks, own, *settings)
        if any(problems.values()):
            raise ValidationError({field: found for field, found in problems.items() if found})

    def _check_transfer_number(self) -> None:
        check: Callable[[str], None] = import_string(settings.TRANSFER_NUMBER_CHECK)
        try:
            check(self.transfer_number)
        except ValidationError as error:
            raise ValidationError({"transfer_number": error.messages}) from error

    def settings_values(self) -> dict[str, Any]:
        """The shared fields by name, to copy a draft to a version and back."""
        return {field.name: getattr(self, field.name) for field in PersonaSettings._meta.fields}


class Persona(PersonaSettings):
    """A role that answers calls. Its own fields are the draft; callers hear `live_version`."""

    name = models.CharField(max_length=100, unique=True)
    description = models.CharField(max_length=300, blank=True)
    live_version = models.ForeignKey(
        "PersonaVersion", null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        permissions = [("publish_persona", "Can publish and roll back personas")]

    def __str__(self) -> str:
        return self.name


class ToolSecret(models.Model):
    """A bearer token that a tool's service requires. Tools and versions refer to it by name."""

    name = models.CharField(
        max_length=63, unique=True, validators=[definitions.validate_tool_name], help_text="For example order_service."
    )
    host = models.CharField(
        max_length=253,
        validators=[definitions.validate_host],
        help_text="The service's host, for example orders.example.com. The secret is sent only there.",
    )
    value = EncryptedTextField(help_text="Stored encrypted. Sent as Authorization: Bearer.")
    updated_at = models.DateTimeField("changed", auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PersonaTool(models.Model):
    """A web service that the draft may call."""

    persona = models.ForeignKey(Persona, on_delete=models.CASCADE, related_name="tools")
    name = models.CharField(
        max_length=63, validators=[definitions.validate_tool_name], help_text="For example find_order."
    )
    description = models.CharField(
        max_length=500, help_text="Tells the language model when to use the tool and what it returns."
    )
    parameters = models.JSONField("arguments", validators=[definitions.validate_parameters], help_text="A JSON schema.")
    url = models.URLField("URL", validators=[definitions.validate_https], help_text="Receives the arguments as JSON.")
    timeout_s = models.FloatField(
        "timeout, in seconds",
        default=5.0,
        validators=[MinValueValidator(0.5), MaxValueValidator(30.0)],
        help_text="The caller waits for this long at most: keep it short.",
    )
    secret = models.ForeignKey(
        ToolSecret,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="tools",
        help_text="The bearer token that the service requires, if any.",
    )

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["persona", "name"], name="tool_name_once_a_persona")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        if self.secret and definitions.host(self.url) != self.secret.host:
            raise ValidationError({"secret": f"{self.secret} is for {self.secret.host} only, which is another host."})

    def as_json(self) -> dict[str, Any]:
        """The tool as it stands in a version: the fields of ToolSpec, and of a secret its name."""
        fields = {field: getattr(self, field) for field in ("name", "description", "parameters", "url", "timeout_s")}
        return fields | ({"secret": self.secret.name} if self.secret else {})


class PersonaVersionQuerySet(models.QuerySet["PersonaVersion"]):
    def published(self) -> "PersonaVersionQuerySet":
        return self.filter(number__isnull=False)


class PersonaVersion(PersonaSettings):
    """A persona as it was published, or tried as a draft. Never changes: a call's row can always say what its caller
    heard.
    """

    persona = models.ForeignKey(Persona, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(null=True, help_text="Empty: a draft that somebody has talked to.")
    tools_json = models.JSONField("tools", default=list)
    note = models.CharField(max_length=300, blank=True, help_text="What changed, for the next reader.")
    published_at = models.DateTimeField(auto_now_add=True)
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = PersonaVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-published_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["persona", "number"], name="version_number_once_a_persona")]

    def __str__(self) -> str:
        return f"{self.persona.name} {self.label}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ValidationError("A published version cannot be changed: edit the persona and publish again.")
        super().save(*args, **kwargs)

    @property
    def label(self) -> str:
        """Which one it is, after the persona's name."""
        return "draft" if self.number is None else f"v{self.number}"

    @property
    def tools(self) -> list[definitions.ToolSpec]:
        return [definitions.ToolSpec(**tool) for tool in self.tools_json]


class SpokenLine(models.Model):
    """What a voice has already said: the speech of one text, kept so that no caller waits for it. Never changes."""

    provider = models.CharField("text to speech", max_length=20, choices=tts_providers)
    model = models.CharField("text to speech model", max_length=64)
    voice_id = models.CharField("voice", max_length=64)
    language = models.CharField(max_length=10, choices=Language)
    text = models.CharField(max_length=500)
    pcm = models.BinaryField("speech", help_text="16 kHz mono 16-bit PCM.")
    words = models.JSONField(help_text="Each word with its start in milliseconds: [[word, start], …].")
    created_at = models.DateTimeField("made", auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "model", "voice_id", "language", "text"], name="line_once_a_voice"
            )
        ]

    def __str__(self) -> str:
        return self.text
