"""What a call does alongside its pipeline, and what happens to its errors."""

import asyncio

import pytest
import structlog

from workers.process.background import Background


async def test_an_error_is_logged_with_the_call_that_it_is_about(caplog: pytest.LogCaptureFixture) -> None:
    over = asyncio.Event()
    background = Background()

    async def fail() -> None:
        asyncio.get_running_loop().call_soon(over.set)
        raise RuntimeError("no such voice")

    with structlog.contextvars.bound_contextvars(call_id="5f0c"):
        background.spawn(fail())
    await over.wait()
    await asyncio.sleep(0)

    [record] = [record for record in caplog.records if "background_task_failed" in str(record.msg)]
    assert "5f0c" in str(record.msg)
    assert "no such voice" in str(record.msg)


async def test_what_ends_with_the_call_is_not_an_error(caplog: pytest.LogCaptureFixture) -> None:
    background = Background()
    background.later(3600, asyncio.sleep, 0)
    await asyncio.sleep(0)
    background.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert caplog.records == []
