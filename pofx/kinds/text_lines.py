"""Texts as plain text, one per line."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from pofx import bundle
from pofx.errors import MediaUnsupported, RequestInvalid
from pofx.kinds.decoded import Decoded, Single, stacked
from pofx.kinds.encodings import text_of
from pofx.kinds.faults import Errors
from pofx.kinds.place import items_from
from pofx.kinds.text import has_lines, text_codes
from pofx.kinds.words import takes


@dataclass(frozen=True)
class TextLines:
    """Texts, one per line, in UTF-8 or in UTF-16 with its mark."""

    content: bytes

    @property
    def count(self) -> int:
        """Number of lines."""
        return self.content.count(b"\n") + (not self.content.endswith(b"\n"))

    @property
    def size(self) -> int:
        """Bytes of the text."""
        return len(self.content)

    def decode(self, spec: bundle.InputSpec, errors: Errors = "refuse") -> Decoded:
        """The codes of every text."""
        if spec.kind != "text":
            raise MediaUnsupported(takes(spec))
        return next(text_blocks(io.StringIO(text_of(self.content), newline="\n"), spec, errors=errors))


def text_blocks(
    lines: Iterable[str], spec: bundle.TextSpec, rows: int | None = None, errors: Errors = "refuse"
) -> Iterator[Decoded]:
    """The codes of that many texts, or of all in one; raises RequestInvalid or MediaUnsupported."""
    if has_lines(spec):
        raise MediaUnsupported("a text of this model can have several lines; send JSON or npy")
    first, remaining = 0, iter(lines)
    while block := list(islice(remaining, rows)):
        yield _decoded(block, first, spec, errors)
        first += len(block)
    if first == 0:
        raise RequestInvalid("expected at least one item", pointer="/inputs")


def _decoded(lines: list[str], first: int, spec: bundle.TextSpec, errors: Errors) -> Decoded:
    place = items_from(first)

    def decode(index: int) -> Single:
        return text_codes(lines[index].removesuffix("\n").removesuffix("\r"), spec, place(index)), None

    return stacked(len(lines), decode, spec, place, errors)
