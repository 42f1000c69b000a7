"""Tools that a persona may call: definitions, schemas and secrets."""
