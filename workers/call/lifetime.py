"""A call's lifetime in a worker: claim, join, converse, and end it or leave it to another slot."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any, cast

import structlog
from django.db import DatabaseError, InterfaceError
from pipecat.pipeline.worker import PipelineWorker
from pipecat.workers.runner import WorkerRunner

from agents.models import PersonaVersion
from calls.lifecycle import leases
from calls.livekit.rooms import agent_identity
from calls.models import Call
from calls.states import EndReason, Status
from common.database import in_database
from workers import metrics, pipeline
from workers.call import call_runner, ending, handover, ringing
from workers.call.held_call import HeldCall
from workers.conversation.conversation import Conversation
from workers.conversation.progress import Ending, Leaving, never_heard
from workers.media.transport import CallTransport
from workers.process import reachability
from workers.process.draining import draining
from workers.process.heartbeat import heartbeat
from workers.providers import services
from workers.providers.failover.stt import FailoverSTT
from workers.providers.speech.cached_lines import CallLines
from workers.providers.targets import NoProviderError

log = structlog.get_logger(__name__)

CALLER_TAKES_TRACK_S = 5.0  # a caller's side that has not taken the agent's audio by then is gone, deaf or slow
CALLER_TAKES_TRACK_MAX_S = 15.0  # each agent of a call waits longer than the one before: a full machine is slow for all
STOPPED_BEFORE_END_S = 2.0  # a pipeline that takes longer to stop does so after the room is closed
STOP_WITHIN_S = 30.0  # longer than Pipecat gives a processor that hangs while it connects
HAND_OVER_AGAIN_S = 1.0  # until a call that could not be handed over is offered again


class NotClaimed(Exception):
    """This process can take no call now; another one may."""


async def handle() -> None:
    """Hold the call that has waited longest, until it is over and its room is closed, or until another slot has it.

    Raises NotClaimed when this process is cut off from what a call needs.
    """
    if not await reachability.livekit.is_there():
        raise NotClaimed("LiveKit is not reached")
    try:
        call = await in_database(leases.claim, heartbeat.holder)
    except (DatabaseError, InterfaceError) as error:
        log.warning("not_claimed", error=type(error).__name__)
        metrics.not_claimed()
        raise NotClaimed("the database is not reached") from error
    if call is None:
        log.info("no_call_waiting")
        return
    metrics.claimed(call)
    with structlog.contextvars.bound_contextvars(call_id=str(call.pk), attempt=call.attempt):
        held = HeldCall(call, asyncio.get_running_loop())
        lease = heartbeat.holding(call.pk, call.attempt, held.lose)
        with metrics.held_calls.track_inprogress(), lease, draining.offering(held.give_back):
            await _hold(held)


async def _hold(held: HeldCall) -> None:
    """From the claim to the end. Whatever goes wrong, the row gets an end and the caller no silent room."""
    try:
        await held.load_past()
    except (DatabaseError, InterfaceError) as error:
        log.warning("history_not_loaded", error=type(error).__name__)
        return  # the lease runs out, and another slot takes the call
    async with AsyncExitStack() as afterwards:
        try:
            outcome = await call_runner.load()(held, afterwards)
        except Exception as error:
            log.exception("call_failed")
            outcome = Ending(Status.FAILED, EndReason.PIPELINE_ERROR, f"{type(error).__name__}: {error}")
        await ending.finish(held, outcome)


async def connect_and_converse(held: HeldCall, afterwards: AsyncExitStack) -> Ending | Leaving:
    """Join the call's room and converse until the call ends or leaves this slot: the default of CALL_RUNNER."""
    call = held.call
    version = _version(call)
    transport = CallTransport(call.room_name, agent_identity(call.attempt), call.caller_identity)
    lines = CallLines()
    try:
        await services.load(version)
    except NoProviderError as error:
        log.error("version_not_usable", error=str(error))
        return Leaving.NO_PROVIDER
    parts = pipeline.build(version, transport, lines)
    if call.answered_at is not None:
        parts.stt.keep()  # until it is known what the former agent has heard
    worker = parts.worker()
    conversation = Conversation(call, version, parts, worker, transport, held.recorder)
    runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    loading = asyncio.create_task(lines.load(version))  # while the agent joins
    try:
        return await _converse(held, conversation, transport, parts.stt, running, loading)
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
    held: HeldCall,
    conversation: Conversation,
    transport: CallTransport,
    stt: FailoverSTT,
    running: asyncio.Task[None],
    loading: asyncio.Task[None],
) -> Ending | Leaving:
    """Wait for the caller's side to take the agent's audio and for the lines, greet, and wait for the end."""
    if held.call.needs_dialing:
        not_reached = await ringing.reach(held, conversation, transport, running)
        if not_reached is not None:
            return not_reached
    taken = asyncio.create_task(transport.agent_heard.wait())
    patience_s = min(CALLER_TAKES_TRACK_S * held.call.attempt, CALLER_TAKES_TRACK_MAX_S)
    try:
        await _first_of(taken, conversation.ending, running, held.leaving, timeout_s=patience_s)
        if not taken.done() and not conversation.ending.done() and not held.leaving.done():
            return await _not_joined(held.call, transport, running)
    finally:
        taken.cancel()
    await loading
    if not conversation.ending.done() and not held.leaving.done():
        await conversation.begin(held.past, held.talked)
    succeeding = asyncio.create_task(handover.succeed(held.call, transport.room, stt))
    await _first_of(conversation.ending, running, held.leaving)
    succeeding.cancel()
    if held.leaving.done() and held.leaving.result() == Leaving.HANDED_OVER and conversation.has_begun:
        await _hand_over(held, conversation, transport, stt, running)
    if conversation.ending.done():
        return conversation.ending.result()
    if held.leaving.done():
        return held.leaving.result()
    return Ending(Status.FAILED, EndReason.PIPELINE_ERROR, _why_ended(running))


async def _hand_over(
    held: HeldCall,
    conversation: Conversation,
    transport: CallTransport,
    stt: FailoverSTT,
    running: asyncio.Task[None],
) -> None:
    """Hand the call over as soon as the database takes it, or it ends. Until then its caller has this agent."""
    while not (conversation.ending.done() or running.done()):
        await conversation.finish_sentence()
        may_leave = heartbeat.is_beating() and not conversation.is_closing and not conversation.ending.done()
        if may_leave and await handover.hand_over(held, conversation, transport, stt):
            return
        await _first_of(conversation.ending, running, timeout_s=HAND_OVER_AGAIN_S)


def _why_ended(running: asyncio.Task[None]) -> str:
    error = running.exception() if running.done() and not running.cancelled() else None
    if error is None:
        return "the pipeline ended by itself"
    log.error("pipeline_failed", exc_info=error)
    return f"{type(error).__name__}: {error}"


async def _first_of(*futures: asyncio.Future[Any], timeout_s: float | None = None) -> None:
    await asyncio.wait(futures, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)


async def _not_joined(call: Call, transport: CallTransport, running: asyncio.Task[None]) -> Ending | Leaving:
    """What happens to a call whose agent and caller cannot hear each other in time."""
    if running.done() and not running.cancelled() and running.exception():
        return Ending(Status.FAILED, EndReason.PIPELINE_ERROR, _why_ended(running))
    if running.done() or not transport.is_connected():
        reachability.livekit.failed()
        return Leaving.NOT_JOINED
    if transport.caller_is_present():
        return Leaving.NOT_HEARD
    return await _caller_is_absent(call)


async def _caller_is_absent(call: Call) -> Ending | Leaving:
    if call.answered_at is None:
        return never_heard(call)
    try:
        if await in_database(leases.hung_up, call):
            return Ending(Status.COMPLETED, EndReason.CALLER_LEFT)
    except (DatabaseError, InterfaceError):
        return Leaving.LOST  # the lease runs out
    return Ending(Status.FAILED, EndReason.ROOM_GONE)  # it was lost with a LiveKit that was restarted


def _version(call: Call) -> PersonaVersion:
    return cast(PersonaVersion, call.persona_version)  # the database holds no accepted call without one
