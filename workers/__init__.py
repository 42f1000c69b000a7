"""How a call runs: the Celery task, the process's call loop, the room, the pipeline and the recorder.

What a provider does for the web process lies here, too, in workers/providers/<vendor>/: that imports no Pipecat.
"""
