"""Pipecat logs through loguru, at debug level with transcripts. Only its warnings reach our logs, without them."""

import logging
from typing import TYPE_CHECKING

from loguru import logger

if TYPE_CHECKING:
    from loguru import Message


def send_pipecat_to_logging() -> None:
    """Send Pipecat's warnings and errors to the standard logger `pipecat`, and drop the rest."""
    target = logging.getLogger("pipecat")

    def forward(message: "Message") -> None:
        record = message.record
        target.log(record["level"].no, "%s: %s", record["name"], record["message"])

    logger.remove()
    logger.add(forward, level="WARNING")


send_pipecat_to_logging()  # whoever imports Pipecat imports this before: it logs while it is imported
