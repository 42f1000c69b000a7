"""What a provider offers: as plain data, read from its manifest by `agents.providers.manifest`."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

STAGES = ("stt", "llm", "tts")
STAGE_NAMES = {"stt": "speech to text", "llm": "language models", "tts": "text to speech"}
# The units that each stage is billed by; the prices of all of them are in US cents.
PRICE_UNITS = {
    "stt": ("minute",),
    "llm": ("million_tokens_in", "million_tokens_out"),
    "tts": ("1000_characters",),
}


@dataclass(frozen=True, slots=True)
class Model:
    """A model, or with a pattern such as nova-* all models whose names match.

    `turn_policies` are those with which it may be a persona's own, `stands_in_with` those with which it may be a
    fallback; `languages` are tags such as en or pt-BR. Each is empty where all will do.
    """

    name: str
    turn_policies: tuple[str, ...] = ()
    stands_in_with: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()

    @property
    def is_pattern(self) -> bool:
        """Whether it stands for several models."""
        return any(sign in self.name for sign in "*?[")

    def matches(self, name: str) -> bool:
        """Whether this describes the model of that name."""
        return fnmatchcase(name, self.name)

    def fits_turn_policy(self, turn_policy: str, *, as_fallback: bool = False) -> bool:
        """Whether it may be used with the turn policy."""
        allowed = self.stands_in_with if as_fallback else self.turn_policies
        return not allowed or turn_policy in allowed

    def fits_language(self, language: str) -> bool:
        """Whether it supports the language, given as a tag such as en-US."""
        return not self.languages or bool({language, language.partition("-")[0]} & set(self.languages))


@dataclass(frozen=True, slots=True)
class Offer:
    """What a provider does for one stage.

    `service` is the dotted path of the function that makes Pipecat's service for it; only workers import it. Of text
    to speech, `speak` says a line over HTTP and `list_voices` lists an account's voices: dotted paths, too, of code
    that the web process can import. `prices` are list prices in US cents by unit.
    """

    stage: str
    service: str
    models: tuple[Model, ...]
    stand_ins: tuple[str, ...] = ()
    speak: str = ""
    list_voices: str = ""
    prices: dict[str, float] = field(default_factory=dict, compare=False)

    def model(self, name: str) -> Model | None:
        """The first entry that describes the model of that name; None when the provider has no such model."""
        return next((model for model in self.models if model.matches(name)), None)

    def fitting(self, turn_policy: str, language: str, *, as_fallback: bool = False) -> list[str]:
        """The models to suggest for a turn policy and a language: by name, patterns only where there are no names."""
        fit = [
            model
            for model in self.models
            if model.fits_turn_policy(turn_policy, as_fallback=as_fallback) and model.fits_language(language)
        ]
        return [model.name for model in fit if not model.is_pattern] or [model.name for model in fit]

    def stand_in(self, own: str, turn_policy: str, language: str) -> str:
        """The first stand-in for the provider's model `own` that is another one and fits; `own` when there is none."""
        fitting = (
            name
            for name in self.stand_ins
            if name != own
            and (model := self.model(name)) is not None
            and model.fits_turn_policy(turn_policy, as_fallback=True)
            and model.fits_language(language)
        )
        return next(fitting, own)


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A request that a provider answers with success when its key is right, and that costs nothing.

    In the headers, `{key}` stands for the key.
    """

    path: str
    headers: dict[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Provider:
    """A vendor. `name` is its folder's; `base_url` its own address, without a slash at the end.

    Doctor tries its key with `key_request`, or with the function whose dotted path is `check_key`.
    """

    name: str
    label: str
    base_url: str
    offers: tuple[Offer, ...]
    key_request: KeyRequest | None = None
    check_key: str = ""

    @property
    def prefix(self) -> str:
        """How the names of its settings begin: DEEPGRAM of DEEPGRAM_API_KEY."""
        return self.name.upper()

    @property
    def key_variable(self) -> str:
        """The name of the setting that holds its key."""
        return f"{self.prefix}_API_KEY"

    @property
    def url_variable(self) -> str:
        """The name of the setting that holds its address."""
        return f"{self.prefix}_BASE_URL"

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that it has an offer for."""
        return tuple(offer.stage for offer in self.offers)

    def offer(self, stage: str) -> Offer:
        """What it does for the stage. Raises LookupError when that is nothing."""
        for offer in self.offers:
            if offer.stage == stage:
                return offer
        raise LookupError(f"{self.label} does not offer {STAGE_NAMES[stage]}")
