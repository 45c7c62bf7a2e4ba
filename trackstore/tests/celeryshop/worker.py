"""What a worker runs: ``celery -A trackstore.tests.celeryshop.worker worker``."""

from trackstore.tests.celeryshop import new_app, new_tracker

app = new_app()
app.set_default()
tracker = new_tracker()
