"""What only the operator may do: requests need the operator key, beside an API key where those are set."""

import hashlib
import hmac

from pydantic import SecretStr
from starlette.requests import Request

from service.errors import OperatorOnly

HEADER = "X-Operator-Key"


def check_operator(request: Request, key: SecretStr) -> None:
    """Raises OperatorOnly unless the request carries the key; always where there is none."""
    expected = key.get_secret_value().encode()
    if not expected:
        raise OperatorOnly(f"switched off here; set SERVICE_OPERATOR_KEY and send it as {HEADER} to switch it on")
    given = request.headers.get(HEADER, "").encode("latin-1")  # the bytes as they were sent
    if not hmac.compare_digest(_digest(given), _digest(expected)):
        raise OperatorOnly(f"expected the operator key in the header {HEADER}, got {'another' if given else 'none'}")


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
