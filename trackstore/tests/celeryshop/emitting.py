"""A process that emits events: ``python -m trackstore.tests.celeryshop.emitting``.

It takes how many, and how many seconds it waits in the end.
"""

import sys

from trackstore.tests.celeryshop import new_app, new_tracker

new_app().set_default()
tracker = new_tracker()
for number in range(int(sys.argv[1])):
    tracker.emit('order.placed', {'number': number})
tracker.get_backend('outer').backends['orders'].close(float(sys.argv[2]))
