"""A conversation from greeting to goodbye: what the agent does about each event in the pipeline."""
