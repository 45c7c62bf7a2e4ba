"""trackstore: records what users do, and answers questions about it, on ZODB."""

from trackstore.criteria import Between, Equal, Not, Prefix
from trackstore.opening import open
from trackstore.run import Run
from trackstore.storage import TrackingStorage
from trackstore.track import Track

__all__ = ['Between', 'Equal', 'Not', 'Prefix', 'Run', 'Track',
           'TrackingStorage', 'open']
