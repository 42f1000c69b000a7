"""The steps of docs/ADD_A_PROVIDER.md, for every provider that there is: one that is missing fails here."""

import re
from collections.abc import Iterable

import pytest
import yaml
from django.utils.module_loading import import_string

from agents.providers import registry
from agents.providers.offers import Provider
from callcenter.environment.providers import price_variables, variables_of
from tools.local import ROOT
from tools.setup.environment import read

CHECKLIST = (ROOT / "docs/ADD_A_PROVIDER.md").read_text()
STEPS = [
    "The folder and its manifest",
    "The service",
    "Text to speech: lines and voices",
    "The key",
    "Settings",
    "Tests",
    "Documentation",
]

of_every_provider = pytest.mark.parametrize("provider", registry.all(), ids=lambda provider: provider.name)


def test_the_checklist_has_the_steps_that_are_tested_here() -> None:
    assert re.findall(r"^## \d\. (.+)$", CHECKLIST, re.MULTILINE) == STEPS


def _paths(provider: Provider) -> Iterable[str]:
    """The code that the manifest names for the web process."""
    yield provider.check_key
    for offer in provider.offers:
        yield offer.speak
        yield offer.list_voices


@of_every_provider
def test_1_its_folder_is_a_package_that_holds_all_that_its_manifest_names(provider: Provider) -> None:
    assert (ROOT / "workers/providers" / provider.name / "__init__.py").read_text().startswith('"""')
    services = [offer.service for offer in provider.offers]
    for path in filter(None, [*_paths(provider), *services]):
        assert path.startswith(f"workers.providers.{provider.name}."), path


@of_every_provider
def test_2_its_services_are_there(provider: Provider) -> None:
    for offer in provider.offers:
        assert callable(import_string(offer.service))


@of_every_provider
def test_3_and_4_what_it_does_for_the_web_process_is_there(provider: Provider) -> None:
    for path in filter(None, _paths(provider)):
        assert callable(import_string(path))


@of_every_provider
def test_5_its_settings_are_passed_on_everywhere(provider: Provider) -> None:
    template = read(ROOT / "env.template")
    assert set(variables_of(provider)) <= template.keys()
    passed_on = yaml.safe_load((ROOT / "compose.yaml").read_text())["x-django"]
    assert set(variables_of(provider)) <= passed_on.keys()
    assert provider.url_variable in read(ROOT / "kubernetes/base/settings.env")
    assert provider.key_variable in read(ROOT / "kubernetes/secrets.env.example")


@of_every_provider
def test_6_its_protocol_is_tested(provider: Provider) -> None:
    assert (ROOT / "simulator" / provider.name).is_dir() or list(ROOT.glob(f"tests/**/test_*{provider.name}*.py"))


@of_every_provider
def test_7_it_is_documented(provider: Provider) -> None:
    setup, readme = (ROOT / "docs/SETUP.md").read_text(), (ROOT / "README.md").read_text()
    assert re.search(rf"^\| {provider.label} \| .* \| .* \| `.*manage\.py doctor {provider.label}` \|$", setup, re.M)
    assert re.search(rf"^\| {provider.label}\b.* \| .*`{provider.key_variable}`", readme, re.MULTILINE)
    for variable, price in price_variables(provider).items():
        assert f"| `{variable}` | empty: `{price:g}` |" in setup
