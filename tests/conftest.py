"""What holds for all tests."""

import signal

# Whoever started us in the background may have us ignore these, and so would all
# that we start: but how programs end when interrupted is what some tests are about.
for number, usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)
