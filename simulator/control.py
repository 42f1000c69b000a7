"""The control pages: faults, scenario and delays while the simulator runs, and what it was asked. JSON in and out."""

import json
from typing import Any

from aiohttp import web

from simulator.faults import FaultError, parse_fault
from simulator.scenario import ScenarioError
from simulator.world import WORLD, SettingError, World


async def health(request: web.Request) -> web.Response:
    """GET /health: 200 when the speech engines have started, 503 until then; a call before that would hear nothing."""
    world = request.app[WORLD]
    status, code = ("ok", 200) if world.ready else ("starting", 503)
    return web.json_response({"status": status, **_state(world)}, status=code)


async def get_faults(request: web.Request) -> web.Response:
    """GET /control/faults: the active faults."""
    return web.json_response({"faults": request.app[WORLD].faults.describe()})


async def put_fault(request: web.Request) -> web.Response:
    """PUT /control/faults: switch one on; it takes the place of the stage's former one."""
    try:
        fault = parse_fault(await _document(request))
    except FaultError as error:
        raise _wrong(error) from error
    request.app[WORLD].faults.put(fault)
    return await get_faults(request)


async def delete_faults(request: web.Request) -> web.Response:
    """DELETE /control/faults: switch all off."""
    request.app[WORLD].faults.clear()
    return await get_faults(request)


async def put_scenario(request: web.Request) -> web.Response:
    """PUT /control/scenario: {"name": ...} of a loaded scenario or a YAML file's path, or {"yaml": text}."""
    world, document = request.app[WORLD], await _document(request)
    try:
        if isinstance(document, dict) and isinstance(document.get("yaml"), str):
            world.add_scenario(document["yaml"])
        elif isinstance(document, dict) and isinstance(document.get("name"), str):
            world.choose_scenario(document["name"])
        else:
            raise ScenarioError('send {"name": "appointment"} or {"yaml": "name: ..."}')
    except ScenarioError as error:
        raise _wrong(error) from error
    return web.json_response(_state(world))


async def put_profile(request: web.Request) -> web.Response:
    """PUT /control/profile: {"name": "none"} or {"name": "published"}."""
    world, document = request.app[WORLD], await _document(request)
    try:
        world.choose_profile(str(document.get("name")) if isinstance(document, dict) else "")
    except SettingError as error:
        raise _wrong(error) from error
    return web.json_response(_state(world))


async def get_requests(request: web.Request) -> web.Response:
    """GET /control/requests: counts by kind since the start, and the last bodies that the LLM got, oldest first."""
    return web.json_response(request.app[WORLD].requests.describe())


def _state(world: World) -> dict[str, Any]:
    return {
        "scenario": world.scenario.name,
        "scenarios": sorted(world.scenarios),
        "profile": world.profile.name,
        "speech": world.settings.speech,
    }


async def _document(request: web.Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        return None


def _wrong(error: Exception) -> web.HTTPException:
    return web.HTTPBadRequest(text=json.dumps({"error": str(error)}), content_type="application/json")
