"""Choosing a voice by ear."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.providers import registry
from agents.providers.offers import Provider
from agents.voices import catalog
from common.admin import Select

HELP = "Voices of {}. Press play to hear the chosen one."
UNAVAILABLE = (
    "{} is not responding, so its voices cannot be listed now. The voice stays as it is; "
    "you can also paste the id of a voice here."
)


class VoiceSelect(Select):
    """A list of voices that follows the provider, with a player that follows the choice (`agents/voice.js`)."""

    class Media:
        js = ("agents/voice.js",)

    def __init__(self, samples: dict[str, str]) -> None:
        lists = reverse("admin:agents_persona_voices", args=["provider"])
        super().__init__(attrs={"data-voice-select": "", "data-lists": lists})
        self.samples = samples

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        option["attrs"]["data-sample"] = self.samples.get(str(value), "")
        return option

    def render(self, name: str, value: Any, *args: Any, **kwargs: Any) -> SafeString:
        return format_html(
            '<div class="voice-field">{}<audio controls preload="none" data-voice-player src="{}"></audio></div>',
            super().render(name, value, *args, **kwargs),
            self.samples.get(str(value or ""), ""),
        )


def voice_field(provider: Provider, current: str, plain: forms.Field) -> forms.Field:
    """Return the list of the provider's voices, or `plain` with a line that says why there is none.

    A voice that the account no longer has stays selectable while it is the current one.
    """
    try:
        listed = catalog.list_voices(provider.name)
    except catalog.VoicesUnavailable:
        plain.help_text = UNAVAILABLE.format(provider.label)
        return plain
    choices = [(voice.id, voice.title) for voice in listed]
    if current and current not in {voice.id for voice in listed}:
        choices.insert(0, (current, f"{current} (not in this {provider.label} account)"))
    return forms.ChoiceField(
        label="Voice",
        choices=[("", "Choose a voice"), *choices],
        widget=VoiceSelect({voice.id: _sample_path(provider.name, voice) for voice in listed}),
        help_text=format_html("<span data-voice-help>{}</span>", HELP.format(provider.label)),
        error_messages={
            "invalid_choice": f"Choose a voice of {provider.label} from the list.",
            "required": "Choose a voice.",
        },
    )


def _sample_path(provider: str, voice: catalog.Voice) -> str:
    return reverse("admin:agents_persona_voice_sample", args=[provider, voice.id]) if voice.sample_url else ""


def voice_list(request: HttpRequest, provider: str) -> JsonResponse:
    """The voices of a provider, for a form in which it has just been chosen: who may see personas may see them."""
    if not request.user.has_perm("agents.view_persona"):
        raise PermissionDenied
    chosen = registry.find_offering("tts", provider)
    if chosen is None:
        raise Http404(f"there is no text to speech provider {provider}")
    try:
        listed = catalog.list_voices(provider)
    except catalog.VoicesUnavailable:
        return JsonResponse({"error": f"{chosen.label} is not responding, so its voices cannot be listed"}, status=503)
    voices = [{"id": each.id, "title": each.title, "sample": _sample_path(provider, each)} for each in listed]
    return JsonResponse({"help": HELP.format(chosen.label), "voices": voices})


def voice_sample(request: HttpRequest, provider: str, voice_id: str) -> HttpResponse:
    """A recording of the voice, passed on from the provider: who may see personas may hear it."""
    if not request.user.has_perm("agents.view_persona"):
        raise PermissionDenied
    try:
        sample = catalog.fetch_sample(provider, voice_id)
    except catalog.VoicesUnavailable as error:
        raise Http404("the provider has no list of voices") from error
    if sample is None:
        raise Http404(f"there is no sample of the voice {voice_id}")
    headers = {"Cache-Control": "private, max-age=600"}
    return HttpResponse(sample.audio, content_type=sample.content_type, headers=headers)
