"""One provider takes over from another, within the same utterance or reply."""
