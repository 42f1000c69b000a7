"""OpenAI's chat completions, scripted or forwarded."""
