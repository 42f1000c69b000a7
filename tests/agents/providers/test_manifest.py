"""A manifest says what a provider offers; one that is wrong is told in one line, with its file, key and cure."""

from pathlib import Path

import pytest

from agents.choices import TurnPolicy
from agents.providers import manifest, registry
from agents.providers.manifest import ManifestError
from agents.providers.offers import STAGES, Model, Provider

ACME = """
label = "Acme"
base_url = "https://api.acme.example/"
check_key = "workers.providers.acme.account.check_key"

[tts]
service = "workers.providers.acme.tts.voice"
speak = "workers.providers.acme.lines.speak"
voices = "workers.providers.acme.voices.list_voices"
stand_ins = ["acme-1", "acme-2"]

[tts.price]
1000_characters = 3

[[tts.models]]
name = "acme-1"

[[tts.models]]
name = "acme-2"
languages = ["en", "de"]
"""


def read(text: str, tmp_path: Path, folder: str = "acme") -> Provider:
    file = tmp_path / folder / manifest.FILE
    file.parent.mkdir()
    file.write_text(text)
    return manifest.read(file)


def test_a_manifest_is_read(tmp_path: Path) -> None:
    acme = read(ACME, tmp_path)

    assert (acme.name, acme.label, acme.base_url) == ("acme", "Acme", "https://api.acme.example")
    assert acme.key_variable == "ACME_API_KEY"
    assert acme.stages == ("tts",)
    offer = acme.offer("tts")
    assert offer.service == "workers.providers.acme.tts.voice"
    assert offer.prices == {"1000_characters": 3.0}
    assert offer.models == (Model("acme-1"), Model("acme-2", languages=("en", "de")))
    with pytest.raises(LookupError, match="Acme does not offer speech to text"):
        acme.offer("stt")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "[tts]",
            "[tts",
            "this is not TOML (Expected ']' at the end of a table declaration (at line 6, column 5)): cor",
        ),
        ('label = "Acme"', "", "label is missing: write the vendor's name as people know it."),
        ('label = "Acme"', "label = 5", "label is 5: write the vendor's name as people know it."),
        (
            '"https://api.acme.example/"',
            '"acme"',
            "base_url is 'acme': write an address such as https://api.example.com.",
        ),
        (
            "[tts]",
            "[voice]\n[tts]",
            "voice is not a key of a manifest: use label, base_url, check_key, key_request, stt, llm,",
        ),
        (
            "speak =",
            "spaek =",
            "tts.spaek is not a key of a manifest: use service, models, stand_ins, price, speak, voices.",
        ),
        (
            '"workers.providers.acme.tts.voice"',
            '"voice"',
            "tts.service is 'voice': write a dotted path, such as workers.",
        ),
        ('["acme-1", "acme-2"]', '["acme-3"]', "tts.stand_ins names 'acme-3', which is none of its models: add it to"),
        (
            "1000_characters = 3",
            "1000_characters = -1",
            "tts.price.1000_characters is not a price: write the list price in",
        ),
        ("[tts.price]\n1000_characters = 3", "", "tts.price is missing: write it as a table, [tts.price]."),
        ('["en", "de"]', '"en"', 'tts.models[1].languages is \'en\': write a list of texts, such as ["en", "es"].'),
        (
            'languages = ["en", "de"]',
            'turn_policies = ["fast"]',
            "tts.models[1].turn_policies names 'fast': choose from eager, smart_turn, silence.",
        ),
        (
            "check_key",
            "# check_key",
            "check_key or key_request is needed: write one of them, for doctor.",
        ),
    ],
)
def test_a_wrong_manifest_is_told_with_its_file_key_and_cure(old: str, new: str, line: str, tmp_path: Path) -> None:
    assert old in ACME
    with pytest.raises(ManifestError) as wrong:
        read(ACME.replace(old, new), tmp_path)

    assert str(wrong.value).startswith(f"{tmp_path}/acme/provider.toml: {line}")


@pytest.mark.parametrize("folder", ["Acme", "acme-tts", "a" * 21, "2acme"])
def test_a_folder_whose_name_cannot_be_a_providers_is_told(folder: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="use lowercase letters, digits and underscores, at most 20"):
        read(ACME, tmp_path, folder)


def test_a_manifest_that_offers_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"stt is missing: describe what it offers in \[stt\], \[llm\], \[tts\]"):
        read(ACME.partition("[tts]")[0], tmp_path)


def test_a_folder_with_a_manifest_is_a_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read(ACME, tmp_path)
    before = registry.all()
    monkeypatch.setattr(registry, "FOLDERS", [*registry.FOLDERS, tmp_path])

    assert registry.all() == sorted([registry.get("acme"), *before], key=lambda provider: provider.name)
    assert "acme" in [provider.name for provider in registry.offering("tts")]
    assert "acme" not in [provider.name for provider in registry.offering("llm")]


def test_a_name_that_is_no_providers_is_answered_with_those_that_are() -> None:
    with pytest.raises(LookupError, match="there is no provider 'acme': choose from anthropic, assemblyai"):
        registry.get("acme")


def test_every_stage_has_two_providers() -> None:
    assert [[provider.name for provider in registry.offering(stage)] for stage in STAGES] == [
        ["assemblyai", "deepgram"],
        ["anthropic", "openai"],
        ["cartesia", "elevenlabs"],
    ]


def test_manifests_know_the_turn_policies_that_a_persona_can_have() -> None:
    assert set(manifest.TURN_POLICIES) == set(TurnPolicy)


@pytest.mark.parametrize(
    ("own", "policy", "language", "stand_in"),
    [
        ("flux-general-en", "eager", "en-US", "nova-3-general"),
        ("nova-3-general", "smart_turn", "en-US", "nova-2-general"),
        ("nova-2-general", "silence", "de", "nova-3-general"),
        ("nova-3-medical", "silence", "en-GB", "nova-3-general"),
    ],
)
def test_a_stand_in_is_another_model_that_fits(own: str, policy: str, language: str, stand_in: str) -> None:
    assert registry.get("deepgram").offer("stt").stand_in(own, policy, language) == stand_in


def test_a_stand_in_knows_the_language() -> None:
    assemblyai = registry.get("assemblyai").offer("stt")
    assert assemblyai.stand_in("universal-3-6-pro", "silence", "de") == "universal-streaming-multilingual"
    assert assemblyai.stand_in("universal-3-6-pro", "silence", "nl") == "universal-3-6-pro"


@pytest.mark.parametrize(
    ("policy", "language", "models"),
    [
        ("eager", "en-GB", ["flux-general-en", "flux-general-multi"]),
        ("eager", "de", ["flux-general-multi"]),
        ("smart_turn", "de", ["nova-3-general", "nova-2-general"]),
    ],
)
def test_models_are_suggested_by_turn_policy_and_language(policy: str, language: str, models: list[str]) -> None:
    assert registry.get("deepgram").offer("stt").fitting(policy, language) == models
