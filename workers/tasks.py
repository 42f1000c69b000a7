"""The Celery task of a call, and what a worker process prepares before its first one."""

import uuid
from typing import Any

from celery import shared_task
from celery.signals import worker_init

from workers import lazy_imports, memory, models, room
from workers.call_loop import call_loop


@shared_task(name="workers.run_call")
def run_call(call_id: str) -> None:
    """Hold one call from claim to end. The message is acknowledged afterwards; a copy of it loses the claim."""
    call_loop.run(room.handle(uuid.UUID(call_id)))


@worker_init.connect
def prepare_process(**_: Any) -> None:
    """Load what calls use and put the memory of start-up in order, so that neither delays a caller later."""
    memory.limit_malloc()
    lazy_imports.load_for_calls()
    models.load()
    memory.settle()
