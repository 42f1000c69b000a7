"""A stand-in for a language model: it answers with the sentence of the persona's prompt that is nearest in meaning."""
