"""What the demo prints."""

import os
import sys

_COLORS = {"dim": "2", "bold": "1", "caller": "36", "agent": "33", "good": "32", "bad": "31"}


def paint(text: str, color: str) -> str:
    """Color on a terminal, plain text elsewhere."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{_COLORS[color]}m{text}\033[0m"


def step(what: str) -> None:
    print(f"==> {what}", flush=True)


def failure(what: str) -> None:
    print(f"demo: {what}", file=sys.stderr, flush=True)


def line(at_s: float, who: str, text: str, note: str = "") -> None:
    """One utterance: minutes and seconds since the caller dialed, who speaks, what is said."""
    clock = f"{int(at_s // 60)}:{int(at_s % 60):02d}"
    speaker = paint(f"{who:<7}", who) if who in _COLORS else f"{who:<7}"
    print(f"  {clock}  {speaker} {text}{paint(f'  ({note})', 'dim') if note else ''}", flush=True)


def verdict(good: bool, text: str) -> None:
    print(paint(("✓ " if good else "✗ ") + text, "good" if good else "bad"), flush=True)


def web_address() -> str:
    return f"http://localhost:{os.environ['WEB_PORT']}"


def where_to_look() -> None:
    web = web_address()
    flower = f"http://localhost:{os.environ['FLOWER_PORT']}"
    login = f"{os.environ['ADMIN_USERNAME']} / {os.environ['ADMIN_PASSWORD']}"
    flower_login = f"{os.environ['FLOWER_USERNAME']} / {os.environ['FLOWER_PASSWORD']}"
    print(
        f"""
Where to look
  Admin     {web}/admin/      {login}
  API docs  {web}/api/docs/   the same login
  Flower    {flower}             {flower_login}
""",
        flush=True,
    )
