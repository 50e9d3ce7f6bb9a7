"""The name and the key of a private list."""

from __future__ import annotations

import base64
import hashlib

from ansible.errors import AnsibleFilterError


def private_list(secret):
    """A private list, as the API derives its name (openapi.yaml)."""
    try:
        edit = bytes.fromhex(secret)
    except (TypeError, ValueError) as e:
        raise AnsibleFilterError(f"{secret!r}: expected hexadecimal digits") from e
    if len(edit) != 16:
        raise AnsibleFilterError(f"{len(edit)} bytes, expected 16")
    read = hashlib.sha256(b"read" + edit).digest()
    name = base64.b32encode(hashlib.sha256(b"list" + read).digest()[:20]).decode().lower()
    return {"name": f"k-{name}", "key": base64.urlsafe_b64encode(edit).decode().rstrip("=")}


class FilterModule:
    """The filters of this file."""

    def filters(self):
        return {"private_list": private_list}
