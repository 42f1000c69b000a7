"""What surrounds Django's own HTTP: limits, headers, errors, logs, uvicorn's protocol."""
