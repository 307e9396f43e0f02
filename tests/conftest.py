"""For all Python suites."""

import signal

# A shell's background job ignores SIGINT, its children would inherit that, and a server that was
# started to be interrupted would never end. A handler of Python's own is the default in a child.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
