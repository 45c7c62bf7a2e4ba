"""Persistent objects, and maps that find them."""

from persistent import Persistent

from trackstore.models import TrackingMap


class Account(Persistent):
    def __init__(self, id, name='', **more):
        self.id, self.name = id, name
        vars(self).update(more)


class Other(Account):
    pass


class Stranger(Persistent):
    id, name = 1, 'one'


def account_map(find, unique=('name',), key='id', **options):
    return TrackingMap({'Account': {
        'attributes': ['id'], 'key': key, 'unique': list(unique), 'find': find}},
        **options)


ACCOUNTS = [Account(1, 'one'), Account(2, 'two'), Account(3, 'same'),
            Account(4, 'same')]
