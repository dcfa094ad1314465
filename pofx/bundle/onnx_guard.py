"""Refuses ONNX models that refer to data outside their own file.

External data lets a model file name any path on the machine (CVE-2024-27318, CVE-2026-27489 and relatives), so a
bundle never needs it and never gets it. The check walks the protobuf wire format itself: no ONNX library is needed to
serve, and nothing of the file is interpreted before it has been checked.
Field numbers: onnx.proto of ONNX 1.23.
"""

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_EXTERNAL = 1  # TensorProto.DataLocation

# message -> {field number: message of that field}
_CHILDREN: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Function": {7: "Node", 11: "Attribute"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Tensor": {},
}
_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 13, 14


def has_external_data(model: bytes) -> bool:
    """Whether any tensor of a serialised ONNX model lives outside it; ValueError if it is not well-formed protobuf."""
    pending: list[tuple[str, memoryview]] = [("Model", memoryview(model))]
    while pending:
        message, content = pending.pop()
        for number, value in _fields(content):
            if message == "Tensor" and (
                number == _TENSOR_EXTERNAL_DATA or (number == _TENSOR_DATA_LOCATION and value == _EXTERNAL)
            ):
                return True
            child = _CHILDREN[message].get(number)
            if child is not None:
                if not isinstance(value, memoryview):
                    raise ValueError(f"malformed ONNX file: field {number} of {message} is not a message")
                pending.append((child, value))
    return False


def _fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Pairs (field number, value); a value is an integer, or the bytes of a length-delimited field."""
    position = 0
    while position < len(content):
        key, position = _varint(content, position)
        number, wire_type = key >> 3, key & 7
        if wire_type == _VARINT:
            value, position = _varint(content, position)
            yield number, value
            continue
        if wire_type == _BYTES:
            length, position = _varint(content, position)
        elif wire_type in (_FIXED64, _FIXED32):
            length = 8 if wire_type == _FIXED64 else 4
        else:
            raise ValueError(f"malformed ONNX file: wire type {wire_type}")
        if position + length > len(content):
            raise ValueError("malformed ONNX file: truncated field")
        yield number, content[position : position + length]
        position += length


def _varint(content: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(content) or shift > 63:
            raise ValueError("malformed ONNX file: bad varint")
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
