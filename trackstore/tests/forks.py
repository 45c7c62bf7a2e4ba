"""Work in the child of a fork."""

import os
import traceback
import warnings


def fork():
    """Fork without a warning of other threads: those of the tests hold no locks."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        return os.fork()


def in_child(work):
    """Call a function in a child process, and return the id of that.

    It ends with status 1 if there is an error, and does nothing else at its end.
    """
    child = fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def status_of(child):
    """Return the status with which a child process ends."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
