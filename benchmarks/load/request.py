"""The bytes of a request, made once and sent many times."""


def post(path: str, body: bytes, content_type: str = "application/json") -> bytes:
    """Head and body of a POST in HTTP/1.1."""
    fields = ["Host: localhost", f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join([f"POST {path} HTTP/1.1", *fields, "", ""]).encode() + body
