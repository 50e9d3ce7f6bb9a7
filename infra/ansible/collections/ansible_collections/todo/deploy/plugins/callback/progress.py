"""Shows the progress of long waits."""

from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: notification
short_description: Print the progress line of a task that is tried again
description:
  - A task with C(until) prints the number of remaining attempts. If its result has a RV(todo.deploy.rollout_info#module:progress), this also prints that whenever it changes.
author: [The maintainers]
"""

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Prints progress lines."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "todo.deploy.progress"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._last = None

    def v2_runner_retry(self, result):
        line = result.result.get("progress")
        if line and line != self._last:
            self._last = line
            self._display.display(f"  {line}")
