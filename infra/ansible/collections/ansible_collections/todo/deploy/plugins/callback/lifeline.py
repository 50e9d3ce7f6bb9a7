"""Ends a playbook's modules when the playbook is killed."""

from __future__ import annotations

DOCUMENTATION = r"""
name: lifeline
type: notification
short_description: End the task under way when ansible-playbook is killed
description:
  - SIGINT and SIGTERM end a task with the playbook. SIGKILL ends only ansible-playbook, and its task would continue after its lock has become invalid.
author: [The maintainers]
"""

import os
import signal
import threading

from ansible.plugins.callback import CallbackBase

playbook = os.getpid()


def _watch():
    gone = threading.Event()
    while os.getppid() == playbook:
        gone.wait(0.1)
    if os.getpgrp() == os.getpid():  # a worker leads a process group, which includes its module
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _in_child():
    if os.getppid() == playbook:  # a worker, not what a worker forks
        # Signals go to the worker's first thread, which forwards them.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        threading.Thread(target=_watch, daemon=True).start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class CallbackModule(CallbackBase):
    """Watches from each worker whether the playbook runs."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "todo.deploy.lifeline"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        os.register_at_fork(after_in_child=_in_child)
