"""Values that arrive as strings (-e name=value) in the type that a role's argument_specs name."""

from __future__ import annotations

import re
import shlex

from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.validation import check_type_dict, check_type_list


def _typed(check, expected):
    def convert(value):
        try:
            return check(value)
        except (AttributeError, KeyError, TypeError, ValueError) as e:
            raise AnsibleFilterError(f"{value}: expected {expected}") from e

    return convert


def _list(value):
    """An empty string has no elements, and blanks around commas are not part of them."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else check_type_list(value)


def _words(value):
    if not isinstance(value, str):
        raise TypeError
    return shlex.split(value)


def _page_config(value):
    """Checks by the rules of apps/web/src/api/config.ts, and that addresses contain no spaces, which those rules accept."""
    config = {name: part for name, part in check_type_dict(value).items() if part is not None}
    texts = [config["signIn"][name] for name in ("issuer", "clientId", "audience", "scope")] if "signIn" in config else []
    addresses = [address for address in (config["apiBase"], *texts[:1]) if address != ""]
    if not all(map(str.strip, texts)) or not all(re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", address) for address in addresses):
        raise ValueError
    return config


class FilterModule:
    """The filters of this file."""

    def filters(self):
        return {
            "as_dict": _typed(check_type_dict, "an object"),
            "as_list": _typed(_list, "a list, or its elements with commas between them"),
            "as_page_config": _typed(_page_config, 'an apiBase of "" or an address such as "https://api.example.com", and, where people sign in, a signIn with an '
                                     'issuer, an address too, a clientId, an audience and a scope'),
            "as_words": _typed(_words, "a string, quoted as in a shell"),
        }
