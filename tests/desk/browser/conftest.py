"""The running product, and a browser with a microphone."""

import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Playwright

from common.database import borrowed_connection
from tests.pages.browser import watching
from tests.pages.browser.looking import DESKTOP
from tests.pages.conftest import ARGUMENTS, PATIENCE_MS, START_MS, playwright
from tests.product.fixtures import close_rooms, number, stack, worker
from tests.product.stack import Stack
from tools.setup.packages import find_chromium

__all__ = ["number", "playwright", "stack", "worker"]

MEDIA = [
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
]

RATE = 48_000
NOISE_LEVEL = 0.001  # of full scale: the page's meter shows it, and nobody takes it for speech


@pytest.fixture(scope="package")
def soft_noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the microphone hears, again and again: the beeps of Chromium's own would interrupt the agent."""
    file = tmp_path_factory.mktemp("microphone") / "noise.wav"
    samples = np.random.default_rng(1).normal(0, NOISE_LEVEL, 2 * RATE)
    with wave.open(str(file), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(RATE)
        wav.writeframes((samples * 32767).astype("<i2").tobytes())
    return file


@pytest.fixture(scope="package")
def browser(playwright: Playwright, soft_noise: Path) -> Iterator[Browser]:  # noqa: F811  the fixture
    """The system's Chromium, with a microphone that everybody may use."""
    program = find_chromium()
    assert program, "no Chromium here: scripts/setup --tests installs it"
    arguments = [*ARGUMENTS, *MEDIA, f"--use-file-for-fake-audio-capture={soft_noise}"]
    browser = playwright.chromium.launch(executable_path=program, args=arguments, timeout=START_MS)
    yield browser
    browser.close()


@pytest.fixture
def quiet(stack: Stack, transactional_db: None) -> Iterator[None]:  # noqa: F811  the fixture
    """As for other whole calls, in a thread: Playwright keeps an event loop in this one."""
    yield
    with ThreadPoolExecutor(1) as thread:
        thread.submit(_close_rooms).result()


def _close_rooms() -> None:
    with borrowed_connection():
        close_rooms()


@pytest.fixture
def reports() -> list[str]:
    """What the browser reports; a test that causes an error takes it out."""
    return []


@pytest.fixture
def page(browser: Browser, reports: list[str]) -> Iterator[Page]:
    """A window of its own. What the browser reports meanwhile fails the test."""
    context = browser.new_context(viewport=DESKTOP, locale="en-US", timezone_id="UTC", reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    watching.watch(context, reports)
    yield context.new_page()
    context.close()
    assert reports == []
