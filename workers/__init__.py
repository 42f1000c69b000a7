"""How a call runs: the Celery task, the process's call loop, the room, the pipeline and the recorder."""

from workers.process import lazy_imports
from workers.process.logs import send_pipecat_to_logging

# Before any module imports Pipecat, which logs while it is imported, and the libraries that it brings.
lazy_imports.install()
send_pipecat_to_logging()
