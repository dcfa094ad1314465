"""Which of the offered media types the client prefers (RFC 9110, section 12.5.1)."""

from collections.abc import Sequence

from starlette.requests import Request

from service.errors import NotAcceptable


def preferred(request: Request, offers: Sequence[str], what: str = "this answer") -> str:
    """The offer of highest quality, the first among equals; raises NotAcceptable, which says what can be how."""
    accept = request.headers.get("accept", "*/*")
    if accept == "*/*":
        return offers[0]
    ranges = [_media_range(part) for part in accept.split(",")]
    best = max(offers, key=lambda offer: _quality(offer, ranges))
    if _quality(best, ranges) <= 0:
        raise NotAcceptable(f"{what} can be: {', '.join(offers)}", offers=list(offers))
    return best


def _media_range(text: str) -> tuple[str, float]:
    media, *parameters = (part.strip() for part in text.split(";"))
    quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    try:
        return media.lower(), float(quality)
    except ValueError:
        return media.lower(), 0.0


def _quality(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The quality of the most specific range that matches; a plain wildcard prefers the first offer."""
    matching = [
        (media.count("*"), quality) for media, quality in ranges if media in (offer, offer.split("/")[0] + "/*", "*/*")
    ]
    return min(matching)[1] if matching else 0.0
