"""Encoded images or recordings as a request sends them: one as its body, or several as its parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pofx import bundle
from pofx.errors import MediaUnsupported
from pofx.kinds.audio import decode_wav
from pofx.kinds.decoded import Decoded, stacked
from pofx.kinds.image import decode_image
from pofx.kinds.place import item
from pofx.kinds.words import takes


@dataclass(frozen=True)
class EncodedFiles:
    """Encoded images or recordings; ``kind`` says which, where the request does."""

    files: Sequence[bytes]
    kind: Literal["image", "audio"] | None = None

    @property
    def count(self) -> int:
        """Number of files."""
        return len(self.files)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self.files))

    def decode(self, spec: bundle.InputSpec) -> Decoded:
        """The pixels or samples."""
        if spec.kind == "image" and self.kind != "audio":
            return stacked([decode_image(file, spec, item(index)) for index, file in enumerate(self.files)])
        if spec.kind == "audio" and self.kind != "image":
            return stacked([decode_wav(file, spec, item(index)) for index, file in enumerate(self.files)])
        raise MediaUnsupported(takes(spec))
