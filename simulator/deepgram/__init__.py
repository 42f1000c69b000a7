"""Deepgram: Flux and Nova, by their wire protocols."""
