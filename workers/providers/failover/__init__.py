"""One provider stands in for another, within the same utterance or reply."""
