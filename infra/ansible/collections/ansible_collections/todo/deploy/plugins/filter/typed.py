"""Values that arrive as strings (-e name=value) in the type that a role's argument_specs name."""

from __future__ import annotations

import shlex

from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.validation import check_type_dict, check_type_list


def _typed(check, expected):
    def convert(value):
        try:
            return check(value)
        except (TypeError, ValueError) as e:
            raise AnsibleFilterError(f"{value}: expected {expected}") from e

    return convert


def _words(value):
    if not isinstance(value, str):
        raise TypeError
    return shlex.split(value)


class FilterModule:
    """The filters of this file."""

    def filters(self):
        return {
            "as_dict": _typed(check_type_dict, "an object"),
            "as_list": _typed(check_type_list, "a list, or its elements with commas between them"),
            "as_words": _typed(_words, "a string, quoted as in a shell"),
        }
