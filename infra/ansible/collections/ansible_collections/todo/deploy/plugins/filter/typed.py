"""Values that arrive as strings (-e name=value) in the type that a role's argument_specs name."""

from __future__ import annotations

import shlex

from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.validation import check_type_dict, check_type_list


def _typed(check):
    def convert(value):
        try:
            return check(value)
        except (TypeError, ValueError) as e:
            raise AnsibleFilterError(str(e)) from e

    return convert


class FilterModule:
    """The filters of this file."""

    def filters(self):
        return {"as_dict": _typed(check_type_dict), "as_list": _typed(check_type_list), "as_words": _typed(shlex.split)}
