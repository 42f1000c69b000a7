"""AssemblyAI: speech to text."""
