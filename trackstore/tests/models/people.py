"""Plain classes, and maps of them."""

from trackstore.models import TrackingMap


class User:
    def __init__(self, id, **more):
        self.id = id
        vars(self).update(more)

    def shout(self):
        return f'I AM {self.id}'

    def broken(self):
        raise RuntimeError('no database')

    @property
    def lost(self):
        return self.nothing

    def delete(self):
        raise AssertionError('deleted')
    delete.alters_data = True


class Team:
    def __init__(self, name, members=()):
        self.name = name
        self.members = list(members)
        for member in self.members:
            member.team = self


class Staff(User):
    pass


TEAMS = {'Team': {'attributes': ['name'], 'key': 'name', 'children': ['members']},
         'User': {'attributes': ['id'], 'key': 'id', 'children': ['team']}}


def told(entries, *objects, **roles):
    return TrackingMap(entries).tracking_values(*objects, **roles)


def user_map(*attributes, **options):
    entries = {'User': {'attributes': list(attributes), 'key': 'id'}}
    return TrackingMap(entries, **options)
