"""What a worker runs: ``celery -A trackstore.tests.celeryshop.worker worker``."""

from celery.concurrency.asynpool import AsynPool

import trackstore.celery
from trackstore.events import emit
from trackstore.tests.celeryshop import new_app, new_tracker

# A process that ends is sometimes not noticed at once, but when Celery looks next.
AsynPool.timers = property(lambda self: {self.maintain_pool: 0.2})
trackstore.celery.PAUSE = 0.1

app = new_app()
app.set_default()
tracker = new_tracker()


@app.task(name='buy')
def buy(number):
    """A task of the application that emits an event."""
    emit('order.placed', {'number': number})
