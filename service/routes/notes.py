"""What was changed about the items, for answers that have no place for it in their body."""

import json
from collections.abc import Sequence

from pofx.kinds.media import JSON

HEADER = "X-Notes"
_MAX_BYTES = 4000  # of the header; proxies refuse larger ones


def notes_header(media: str, notes: Sequence[str]) -> dict[str, str]:
    """The notes as a JSON list in ASCII, as many as fit; nothing for a JSON answer, which holds them itself."""
    if media == JSON or not notes:
        return {}
    fitting = list(notes)
    while len(text := json.dumps(fitting)) > _MAX_BYTES:
        fitting.pop()
    return {HEADER: text}
