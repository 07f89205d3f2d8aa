"""What holds for all tests."""

from __future__ import annotations

import signal

# A shell starts what runs in its background deaf to Ctrl-C, and programs pass that on: those that tests start must hear.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
