"""A conversation from greeting to goodbye: what follows from what happens in the pipeline."""
