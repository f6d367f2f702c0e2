"""The end of the process, which a thread that hangs must not hold up."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time

_log = logging.getLogger(__name__)

PATIENCE_SECONDS = 3.0
"""How long what a thread is at may take: a batch, or a message, as a rule takes less."""


def end_without_threads_that_hang() -> None:
    """Return when all threads have ended; if they do not, end the process here, as a success.

    Python waits for its threads before it ends a process. From the call of a model that hangs none
    comes back: the process would be there until it is killed.
    """
    ends = time.monotonic() + PATIENCE_SECONDS
    others = [
        thread
        for thread in threading.enumerate()
        if thread is not threading.current_thread() and not thread.daemon
    ]
    for thread in others:
        thread.join(max(0.0, ends - time.monotonic()))
    left = [thread.name for thread in others if thread.is_alive()]
    if left:
        _log.warning("threads are left behind", extra={"threads": left})
        sys.stderr.flush()
        os._exit(0)
