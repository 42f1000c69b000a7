"""What the browser reports while a test uses it: nothing may go wrong unseen."""

from playwright.sync_api import BrowserContext, ConsoleMessage, Response, WebError

# Chromium writes a violation to the console, too, but not for each directive.
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`Content-Security-Policy: ${event.effectiveDirective} refused ${event.blockedURI}`);
});
"""
FIRST_ERROR = 400


def watch(context: BrowserContext, reports: list[str] | None = None) -> list[str]:
    """Return a list, the given or a new one, that is filled with what goes wrong.

    That is: errors and warnings in the console, exceptions in scripts, violations of the Content-Security-Policy, and
    answers of the site that are errors.
    """
    reports = [] if reports is None else reports

    def console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            reports.append(f"console {message.type}: {message.text}")

    def exception(error: WebError) -> None:
        reports.append(f"exception: {error.error}")

    def answer(response: Response) -> None:
        if response.status >= FIRST_ERROR:
            reports.append(f"{response.status}: {response.url}")

    context.add_init_script(REPORT_VIOLATIONS)
    context.on("console", console)
    context.on("weberror", exception)
    context.on("response", answer)
    return reports
