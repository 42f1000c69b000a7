"""Cartesia: text to speech."""
