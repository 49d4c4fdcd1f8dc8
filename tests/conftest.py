"""Property tests try the same examples in every run, so that one that fails can be repeated, on a slow machine too.

Ctrl-C reaches what the tests start, even where a shell runs them in the background and has it ignored.
"""

import signal

from hypothesis import settings

settings.register_profile('repeatable', derandomize=True, deadline=None)
settings.load_profile('repeatable')

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
