"""Anthropic: language models."""
