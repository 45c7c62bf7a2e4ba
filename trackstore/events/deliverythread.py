"""Threads that do nothing but deliver."""

import threading


class DeliveryThread(threading.Thread):
    """A thread that does nothing but deliver: no error of a backend ends it."""


def ends_thread(error):
    """Tell whether an error, such as SystemExit, is meant for who runs this thread."""
    return not (isinstance(error, Exception)
                or isinstance(threading.current_thread(), DeliveryThread))
