"""How a call runs: the Celery task, the process's call loop, the room, the pipeline and the recorder.

What a provider does for the web process is here too, in workers/providers/<vendor>/: that imports no Pipecat.
"""

import os

# Pipecat logs through loguru, also while it is imported. Until workers.process.logs sends that on, it goes nowhere.
os.environ.setdefault("LOGURU_AUTOINIT", "False")
