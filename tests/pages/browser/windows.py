"""A browser window, which tests use one after another."""

from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Page

from tests.pages.browser.looking import DESKTOP

EMPTY = "about:blank"


@dataclass(frozen=True)
class Window:
    """A page in a context of Chromium's, and what it has reported since it was last emptied."""

    page: Page
    reports: list[str]

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def forget(self, site: str) -> None:
        """Forget cookies, storage, theme and reports, as a new window would; the cache stays."""
        self.context.clear_cookies()
        session = self.context.new_cdp_session(self.page)
        session.send("Storage.clearDataForOrigin", {"origin": site, "storageTypes": "local_storage"})
        session.detach()
        self.page.emulate_media(color_scheme="null")
        self.page.set_viewport_size(DESKTOP)
        self.reports.clear()

    def leave(self) -> None:
        """Leave what is open: what it does after this is no part of a test."""
        for page in self.context.pages:
            if page != self.page:
                page.close()
        self.page.goto(EMPTY)
