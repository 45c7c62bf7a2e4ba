"""Events: what an application says about itself, and where that goes.

A ``Tracker`` makes an event of a name, some data and the contexts that are
entered, hands it to processors, and what these leave to backends.
"""

from trackstore.events.configuration import load, tracker_from
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.tracker import Tracker, emit, get_tracker, register_tracker

__all__ = ['ConfigurationError', 'Tracker', 'emit', 'get_tracker', 'load',
           'register_tracker', 'tracker_from']
