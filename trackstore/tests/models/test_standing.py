"""What the tracking map stands on."""

from trackstore.tests.test_imports import run_blocked


def test_it_works_with_every_optional_package_blocked():
    done = run_blocked("""
from trackstore.models import *
class User:
    id = 7
user = User()
m = TrackingMap({'User': {'attributes': ['id'], 'key': 'id', 'find': {7: user}}})
url = m.tracking_url('/', user)
print(url, m.values_from_query(url), m.check_map())
print(ModelValues(m)({'data': {'u': user}}))
""")
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout == ("/?User__id=7 {'User_id': 7} []\n{'data': {'User_id': 7}}\n")


def test_frameworks_are_imported_by_nothing():
    done = run_blocked("""
import trackstore.models, trackstore.models.check
print(sorted({'django', 'sqlalchemy', 'trackstore.events'} & set(sys.modules)))
""")
    assert (done.returncode, done.stdout) == (0, '[]\n'), done.stderr
