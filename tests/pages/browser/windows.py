"""Browser windows, which tests use one after another."""

from dataclasses import dataclass

from playwright.sync_api import BrowserContext


@dataclass(frozen=True)
class Window:
    """A context of Chromium's, and what it has reported since it was last emptied."""

    context: BrowserContext
    reports: list[str]

    def forget(self, site: str) -> None:
        """Forget cookies, storage and reports, as a new window would; the cache stays."""
        self.context.clear_cookies()
        page = self.context.new_page()
        session = self.context.new_cdp_session(page)
        session.send("Storage.clearDataForOrigin", {"origin": site, "storageTypes": "local_storage"})
        page.close()
        self.reports.clear()

    def close_pages(self) -> None:
        """What a page does after this is no part of a test."""
        for page in self.context.pages:
            page.close()
