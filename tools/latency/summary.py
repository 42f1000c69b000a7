"""The analysis as lines of text."""

from collections.abc import Mapping
from typing import Any

from tools.latency.analysis import TARGET_MS, Call, latency_figures


def call_line(call: Call) -> str:
    """One call."""
    talk, figures = call.conversation, latency_figures(call.latencies_ms)
    replies = f"{figures['count']} replies, p50 {_ms(figures['p50_ms'])}, slowest {_ms(figures['slowest_ms'])}"
    return (
        f"{call.source.name}  {talk.duration_s:.0f} s, {replies}, {len(talk.interruptions)} interruptions, "
        f"{sum(each.lasted_s for each in talk.dead_air):.1f} s of dead air"
    )


def summary(overall: Mapping[str, Any]) -> str:
    """All calls."""
    replies = overall["replies"]
    within = replies[f"within_{TARGET_MS}_ms_percent"]
    share = "" if within is None else f"; {within:.0f} % within {TARGET_MS} ms"
    silent = f"silent after {_ms(overall['agent_silent_after_p50_ms'])} (p50)"
    by_caller, by_agent = overall["interruptions_by_caller"], overall["interruptions_by_agent"]
    longest = overall["longest_dead_air_s"]
    lines = [
        f"calls          {overall['calls']}, {overall['minutes']:.1f} minutes",
        f"replies        {replies['count']}: p50 {_ms(replies['p50_ms'])}, p95 {_ms(replies['p95_ms'])}, "
        f"p99 {_ms(replies['p99_ms'])}, slowest {_ms(replies['slowest_ms'])}{share}",
        f"greeting       p50 {_ms(overall['greeting_p50_ms'])}, p95 {_ms(overall['greeting_p95_ms'])}",
        f"interruptions  {by_caller} by callers, {overall['agent_yielded']} of which silenced the agent, {silent}; "
        f"{by_agent} by agents",
        f"overlap        {overall['overlap_s']:.1f} s, {overall['overlap_percent'] or 0:.1f} % of the time",
        f"dead air       {overall['dead_air']} times, {overall['dead_air_s']:.1f} s"
        + ("" if longest is None else f", {longest:.1f} s the longest")
        + f"; {overall['agent_caused_dead_air']} times after the caller had spoken",
    ]
    return "\n".join(lines)


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} ms"
