"""The calls as a picture in plain SVG: one line per call, the caller above the agent, and what went on between them."""

from collections.abc import Sequence
from html import escape

from tools.latency.analysis import TARGET_MS, Call
from tools.latency.voice_activity import Speech

MOST = 100
"""Calls in one picture; of more, those with the slowest replies are shown."""

_CALLER, _AGENT, _LATE, _OVERLAP, _DEAD = "#2563eb", "#059669", "#dc2626", "#f59e0b", "#e5e7eb"
_LEFT, _WIDTH, _LANE, _ROW, _TOP = 20, 1200, 13, 64, 78
_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600)
_MOST_TICKS = 24


def draw(calls: Sequence[Call]) -> str:
    """An SVG document. Every bar tells its times when the pointer rests on it."""
    shown = sorted(calls, key=lambda call: max(call.latencies_ms, default=0.0), reverse=True)[:MOST]
    longest_s = max((call.conversation.duration_s for call in shown), default=1.0) or 1.0
    width, height = _LEFT * 2 + _WIDTH, _TOP + len(shown) * _ROW + 24
    caption = f"{len(calls)} calls" if len(shown) == len(calls) else f"the slowest {len(shown)} of {len(calls)} calls"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
        'font-size="11"><rect width="100%" height="100%" fill="white"/>',
        _text(_LEFT, 22, f"Timelines: {caption}, slowest reply first", size=14),
        *_legend(),
        *_axis(longest_s, height),
    ]
    for index, call in enumerate(shown):
        parts += _timeline(call, _TOP + index * _ROW, _WIDTH / longest_s)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend() -> list[str]:
    entries = [
        (_CALLER, "caller"),
        (_AGENT, "agent"),
        (_OVERLAP, "interruption"),
        (_DEAD, "dead air"),
        (_LATE, f"reply later than {TARGET_MS} ms"),
    ]
    parts = []
    for index, (color, label) in enumerate(entries):
        left = _LEFT + index * 110
        parts.append(_bar(left, 34, 11, 11, color, label))
        parts.append(_text(left + 16, 44, label))
    return parts


def _axis(longest_s: float, height: int) -> list[str]:
    step = next((tick for tick in _TICKS if longest_s / tick <= _MOST_TICKS), _TICKS[-1])
    parts = []
    for second in range(0, int(longest_s) + 1, step):
        x = _LEFT + second * _WIDTH / longest_s
        parts.append(f'<line x1="{x:.1f}" y1="{_TOP - 10}" x2="{x:.1f}" y2="{height - 14}" stroke="#f3f4f6"/>')
        parts.append(_text(x + 2, _TOP - 12, f"{second} s", size=9))
    return parts


def _timeline(call: Call, top: float, scale: float) -> list[str]:
    talk = call.conversation
    lanes = top + 18
    parts = [_text(_LEFT, top + 12, f"{call.source.name}  {talk.duration_s:.0f} s")]
    for silence in talk.dead_air:
        title = f"dead air: {silence.lasted_s:.1f} s"
        parts.append(_span(silence.started_s, silence.ended_s, lanes, 2 * _LANE + 2, _DEAD, title, scale))
    parts += [_speech("caller", each, lanes, _CALLER, scale) for each in talk.caller]
    parts += [_speech("agent", each, lanes + _LANE + 2, _AGENT, scale) for each in talk.agent]
    for each in talk.interruptions:
        until_s = each.at_s + each.overlap_ms / 1000
        title = f"interrupted by the {each.by}: both speak for {each.overlap_ms:.0f} ms"
        parts.append(_span(each.at_s, until_s, lanes + _LANE - 2, 6, _OVERLAP, title, scale))
    for reply in talk.replies:
        color = _LATE if reply.latency_ms > TARGET_MS else "#111"
        x = _LEFT + reply.started_s * scale
        parts.append(_text(x, lanes + 2 * _LANE + 14, f"{reply.latency_ms:.0f}", size=9, color=color))
    return parts


def _speech(who: str, speech: Speech, top: float, color: str, scale: float) -> str:
    title = f"{who}: {speech.started_s:.2f} to {speech.ended_s:.2f} s"
    return _span(speech.started_s, speech.ended_s, top, _LANE, color, title, scale)


def _span(from_s: float, to_s: float, top: float, height: float, color: str, title: str, scale: float) -> str:
    return _bar(_LEFT + from_s * scale, top, max((to_s - from_s) * scale, 0.5), height, color, title)


def _bar(left: float, top: float, width: float, height: float, color: str, title: str) -> str:
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _text(x: float, y: float, text: str, size: int = 11, color: str = "#111") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}">{escape(text)}</text>'
