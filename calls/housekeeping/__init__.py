"""What is done beside calls: repairs, dead letters, last words to callers whom no agent could take."""
