"""When the words of a text were said, as far as a recognizer that only knows their stretch can tell."""


def spread_words(text: str, start_s: float, end_s: float) -> list[tuple[str, float, float]]:
    """Spread the words of `text` over a stretch of time, by their length: (word, start, end) in seconds."""
    words = text.split()
    total = sum(len(word) + 1 for word in words) or 1
    position, spread = start_s, []
    for word in words:
        end = position + (len(word) + 1) / total * (end_s - start_s)
        spread.append((word, round(position, 3), round(end, 3)))
        position = end
    return spread
