"""The providers that this call center can use, as the manifests in workers/providers/<vendor>/ describe them.

Read without Django, so that settings and scripts can ask, and without Pipecat, so that the web process can. Nothing of
a provider's code is imported before it is used.
"""
