"""POST /encode: request and answer."""

from typing import NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from pofx.kinds.item import AnsweredByRow, Item


class EncodeOptions(AnsweredByRow):
    """How to encode: in the body of a JSON request, in the query string of any other."""

    model: str | None = Field(None, description="name or name:version; may be left out if only one model can encode.")


class EncodeRequest(EncodeOptions):
    """Items to describe by a vector each."""

    inputs: list[Item] = Field(min_length=1, description="The items; answers come in the same order.")


class EncodeAnswer(TypedDict):
    """One vector of ``dims`` numbers per item; ``files`` are the names of the uploads that the items were.

    With ``errors=row`` an item that cannot be encoded has null instead, and its reason among ``errors``.
    """

    model: str
    version: int
    dims: int
    files: NotRequired[list[str]]
    embeddings: list[list[float | None] | None]
    errors: NotRequired[list[str | None]]
    notes: list[str]
