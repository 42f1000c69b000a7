"""A call's lifetime in a worker: claim, join, converse, end. The row is always left in a final state."""

import asyncio
import os
import socket
import uuid
from contextlib import AsyncExitStack
from typing import Any, cast

import structlog
from pipecat.pipeline.worker import PipelineWorker
from pipecat.workers.runner import WorkerRunner

from agents.models import PersonaVersion
from calls import rooms, services
from calls.models import Call
from calls.states import EndReason, Status
from workers import pipeline
from workers.call_loop import in_database
from workers.conversation import Conversation, Ending
from workers.lines import CallLines
from workers.recorder import CallRecorder
from workers.transport import CallTransport

log = structlog.get_logger(__name__)

HOLDER = f"{socket.gethostname()}:{os.getpid()}"
CALLER_TAKES_TRACK_S = 5.0  # a caller's side that has not taken the agent's audio by then is gone or deaf
STOPPED_BEFORE_END_S = 2.0  # a pipeline that takes longer to stop does so after the room is closed
STOP_WITHIN_S = 30.0  # longer than Pipecat gives a processor that hangs while it connects
WRITE_WITHIN_S = 5.0  # how long the end of a call waits for the database; the writer goes on afterwards


async def handle(call_id: uuid.UUID) -> None:
    """Hold the call, if this slot wins it. Returns when the call is over and its room is closed."""
    call = await in_database(services.claim_call, call_id, HOLDER)
    if call is None:
        log.info("claim_lost", call_id=str(call_id))
        return
    with structlog.contextvars.bound_contextvars(call_id=str(call.pk), attempt=call.attempt):
        await _hold(call)


async def _hold(call: Call) -> None:
    """From the claim to the end. Whatever goes wrong, the row gets an end and the caller no silent room."""
    recorder = CallRecorder(call)
    async with AsyncExitStack() as afterwards:
        try:
            ending = await _connect_and_converse(call, recorder, afterwards)
        except Exception as error:
            log.exception("call_failed")
            ending = Ending(Status.FAILED, EndReason.PIPELINE_ERROR, f"{type(error).__name__}: {error}")
        await _finish(call, recorder, ending)


async def _connect_and_converse(call: Call, recorder: CallRecorder, afterwards: AsyncExitStack) -> Ending:
    version = cast(PersonaVersion, call.persona_version)  # the database holds no accepted call without one
    transport = CallTransport(call.room_name, f"agent-{call.attempt}", call.caller_identity)
    lines = CallLines()
    parts = pipeline.build(version, transport, lines)
    worker = parts.worker()
    conversation = Conversation(call, version, parts, worker, transport, recorder)
    runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    loading = asyncio.create_task(lines.load(version))  # while the agent joins
    try:
        return await _converse(conversation, transport, running, loading)
    finally:
        loading.cancel()
        conversation.stop()
        stopping = asyncio.create_task(_stop(worker, running))
        afterwards.push_async_callback(asyncio.wait, [stopping])
        # Normally a fraction of a second, in which the last turn is recorded. The caller waits no longer than this.
        await _first_of(stopping, timeout_s=STOPPED_BEFORE_END_S)


async def _stop(worker: PipelineWorker, running: asyncio.Task[None]) -> None:
    await worker.cancel()
    await _first_of(running, timeout_s=STOP_WITHIN_S)
    running.cancel()  # no effect on one that has ended; else the slot is freed all the same


async def _converse(
    conversation: Conversation, transport: CallTransport, running: asyncio.Task[None], loading: asyncio.Task[None]
) -> Ending:
    """Wait for the caller's side to take the agent's audio and for the lines, greet, and wait for the end."""
    taken = asyncio.create_task(transport.agent_heard.wait())
    try:
        await _first_of(taken, conversation.ending, running, timeout_s=CALLER_TAKES_TRACK_S)
        if not taken.done() and not conversation.ending.done():
            return _not_connected(transport, running)
    finally:
        taken.cancel()
    await loading
    if not conversation.ending.done():
        await conversation.begin()
    await _first_of(conversation.ending, running)
    if conversation.ending.done():
        return conversation.ending.result()
    return Ending(Status.FAILED, EndReason.PIPELINE_ERROR, "the pipeline ended by itself")


async def _first_of(*futures: asyncio.Future[Any], timeout_s: float | None = None) -> None:
    await asyncio.wait(futures, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)


def _not_connected(transport: CallTransport, running: asyncio.Task[None]) -> Ending:
    if running.done() or not transport.is_connected():
        return Ending(Status.FAILED, EndReason.CONNECT_FAILED, "the agent could not join the room")
    if transport.caller_is_present():
        return Ending(Status.FAILED, EndReason.CONNECT_FAILED, "the caller's side did not take the agent's audio")
    return Ending(Status.MISSED, EndReason.CALLER_GAVE_UP, "the caller had left when the agent came")


async def _finish(call: Call, recorder: CallRecorder, ending: Ending) -> None:
    """Write the end, then hang up: who looks at the row after the room is gone finds it final."""
    recorder.ended(ending.status, ending.reason, ending.detail)
    if not await recorder.flush(WRITE_WITHIN_S):
        log.warning("end_not_written_yet")
    try:
        await rooms.delete_room(call.room_name)
    except Exception:
        log.exception("room_not_closed", room=call.room_name)
