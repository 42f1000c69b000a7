"""Anthropic's Messages API, scripted or forwarded."""
