"""AssemblyAI: Universal-Streaming v3 and Universal-3 Pro, by their wire protocol."""
