"""Encoded images or recordings as a request sends them: one as its body, or several as its parts."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from pofx import bundle
from pofx.errors import MediaUnsupported, PofxError
from pofx.kinds.audio import decode_wav
from pofx.kinds.decoded import Decoded, Single, named, stacked
from pofx.kinds.faults import Errors
from pofx.kinds.image import decode_image, sent
from pofx.kinds.place import Place, item
from pofx.kinds.words import takes

Decode = Callable[[bytes, Place], Single]


@dataclass(frozen=True)
class EncodedFiles:
    """Encoded images or recordings; ``kind`` says which, where the request does, and ``names`` what they are called."""

    files: Sequence[bytes]
    kind: Literal["image", "audio"] | None = None
    names: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number of files."""
        return len(self.files)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self.files))

    def decode(self, spec: bundle.InputSpec, errors: Errors = "refuse") -> Decoded:
        """The pixels or samples."""
        if spec.kind == "image" and self.kind != "audio":
            allowance = sent()
            return self._decoded(lambda file, place: decode_image(file, spec, place, allowance), spec, errors)
        if spec.kind == "audio" and self.kind != "image":
            return self._decoded(lambda file, place: decode_wav(file, spec, place), spec, errors)
        raise MediaUnsupported(takes(spec))

    def _decoded(self, decode: Decode, spec: bundle.InputSpec, errors: Errors) -> Decoded:
        def one(index: int) -> Single:
            with self._naming(index):
                return decode(self.files[index], item(index))

        found = stacked(self.count, one, spec, item, errors)
        return named(found, self.names) if self.names else found

    @contextmanager
    def _naming(self, index: int) -> Iterator[None]:
        """A refusal within says what the file is called."""
        try:
            yield
        except PofxError as error:
            if not self.names:
                raise
            raise type(error)(error.detail, **error.extra, file=self.names[index]) from error
