"""Load tests: whole calls by synthetic callers, the control plane alone, and webhooks under Locust."""
