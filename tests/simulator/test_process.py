"""`python -m simulator` as a process of its own."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from simulator.app import running_simulator
from simulator.world import SettingError, Settings

ROOT = Path(__file__).parents[2]


async def start(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "simulator", *arguments),
        cwd=ROOT,
        env={**os.environ, **environment},
        stderr=asyncio.subprocess.PIPE,
    )


async def failure(*arguments: str, **environment: str) -> str:
    """What a process that cannot start says."""
    process = await start(*arguments, **environment)
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    lines = errors.decode().splitlines()
    assert len(lines) == 1
    return lines[0]


async def test_serves_until_it_is_told_to_stop() -> None:
    process = await start("--port", "0", "--speech", "scripted", "--profile", "none", "--scenario", "interruption")
    assert process.stderr
    line = (await asyncio.wait_for(process.stderr.readline(), 30)).decode()
    url = next(word for word in line.split() if word.startswith("http://"))
    async with aiohttp.ClientSession() as session, session.get(f"{url}/health") as response:
        health = await response.json()
    assert health["status"] == "ok"
    assert health["scenario"] == "interruption"
    assert "appointment" in health["scenarios"]
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_says_in_one_line_that_its_port_is_in_use() -> None:
    async with running_simulator() as url:
        port = url.rpartition(":")[2]
        assert f"port {port} is in use" in await failure("--port", port, "--speech", "scripted")


async def test_says_in_one_line_that_its_scenario_is_unknown() -> None:
    assert "use one of appointment" in await failure("--scenario", "nowhere")


@pytest.mark.parametrize(
    ("name", "value", "cure"),
    [
        ("SIMULATOR_PROFILE", "fast", "use none or published"),
        ("SIMULATOR_SPEECH", "loud", "use local or scripted"),
        ("SIMULATOR_PORT", "high", "give a port number"),
    ],
)
def test_names_a_setting_that_is_wrong(name: str, value: str, cure: str) -> None:
    with pytest.raises(SettingError, match=f"{name} is '{value}': {cure}"):
        Settings.from_environment({name: value})
