"""Runs a module as `python -m` does, as long as standard input is open.

    python -I -c THIS MODULE ARGUMENT...

laptime holds the other end of standard input. When that is gone, however laptime ended, this process
ends with all that it has started: it leads a process group of its own.
"""

import os
import runpy
import signal
import sys
import threading


def end_with(line: int) -> None:
    while os.read(line, 4096):
        pass
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


# Its children do not inherit the line.
line = os.dup(0)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
threading.Thread(target=end_with, args=(line,), daemon=True).start()
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
