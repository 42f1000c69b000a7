"""What is wrong with how a page looks, in a theme and at a width: contrast, names of fields, what does not fit."""

from collections.abc import Callable
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

Theme = Literal["light", "dark"]
SERIOUS = {"serious", "critical"}
DESKTOP: ViewportSize = {"width": 1440, "height": 900}
TELEPHONE: ViewportSize = {"width": 390, "height": 844}

# Rule and selector, for what is unfold's own.
EXEMPT: set[tuple[str, str]] = set()


def faults(
    page: Page, path: str, theme: Theme, size: ViewportSize, then: Callable[[], None] = lambda: None
) -> list[str]:
    """Open the page, do `then` with it, and return what axe calls serious or critical, and by how much it is wider than
    its window.
    """
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size(size)
    page.goto(path)
    then()
    where = f"{theme}, {size['width']} wide"
    return [f"{where}: {fault}" for fault in [*_barriers(page), *_overflow(page)]]


def _barriers(page: Page) -> list[str]:
    found: dict[str, Any] = Axe().run(page, options={"resultTypes": ["violations"]}).response
    return [
        f"{rule['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in SERIOUS
        for node in rule["nodes"]
        if not _is_exempt(rule["id"], node)
    ]


def _is_exempt(rule: str, node: dict[str, Any]) -> bool:
    return any(rule == exempt and selector in str(node["target"]) for exempt, selector in EXEMPT)


def _overflow(page: Page) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"wider than its window by {wide} px"] if wide > 0 else []
