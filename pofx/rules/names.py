"""Names of columns and categories, as they are compared."""

import unicodedata


def as_compared(name: str) -> str:
    """The name without space around it, its letters composed (NFC): macOS decomposes 온 and é, which look the same."""
    return unicodedata.normalize("NFC", name.strip())
