"""Cartesia's text to speech: websocket, HTTP and voices."""
