"""How a call runs: the Celery task, the process's call loop, the room, the pipeline and the recorder."""

from workers.process.logs import send_pipecat_to_logging

# Before any module imports Pipecat, which logs while it is imported.
send_pipecat_to_logging()
