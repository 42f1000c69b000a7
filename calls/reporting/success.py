"""What counts as a success: one definition for the dashboard, `GET /stats` and the alerts."""

from collections.abc import Mapping

from calls.states import NOT_REACHED, EndReason, Status

NOT_FAILED = NOT_REACHED | {EndReason.HUNG_UP}
"""Why calls were missed without a failure of ours."""


def success_rate(ends: Mapping[tuple[str, str], int]) -> float | None:
    """Successes of all calls that are judged, from 0 to 1. `ends` counts calls by status and end reason.

    A success is a completed call, whoever ended it. A failure is a failed call, or a missed one: a caller who gave up
    was not answered in time, however long that was. Not judged are rejected calls, people whom we called and who did
    not answer, and calls that a supervisor ended before the answer. None when no call is judged.

    The rule `callcenter:calls_judged:increase15m` in docker/prometheus/alerts.yml says the same.
    """
    judged = {end: count for end, count in ends.items() if _is_judged(*end)}
    completed = sum(count for (status, _), count in judged.items() if status == Status.COMPLETED)
    return completed / sum(judged.values()) if judged else None


def _is_judged(status: str, reason: str) -> bool:
    return status in {Status.COMPLETED, Status.FAILED} or (status == Status.MISSED and reason not in NOT_FAILED)
