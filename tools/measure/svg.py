"""Elements of an SVG document."""

from html import escape


def text(x: float, y: float, words: str, size: int = 11) -> str:
    """Words as an SVG element; y is their base line."""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="#111">{escape(words)}</text>'
