"""The tracking map with models of SQLAlchemy, in a database in memory."""

import datetime
import enum
import uuid
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from trackstore.models import TrackingMap
from trackstore.models.exceptions import (
    LookupRefused,
    MapError,
    NotFoundError,
    ReadingError,
    SeveralFoundError,
)


class Base(orm.DeclarativeBase):
    pass


class Level(enum.Enum):
    HIGH = 'high'
    LOW = 'low'


class User(Base):
    __tablename__ = 'user'
    id = sa.Column(sa.Integer, primary_key=True)
    email = sa.Column(sa.String, unique=True)
    name = sa.Column(sa.String)
    profile = orm.relationship('BuyerProfile', back_populates='user', uselist=False)
    orders = orm.relationship('Order', back_populates='buyer', order_by='Order.id')
    lazy_orders = orm.relationship('Order', viewonly=True, lazy='dynamic',
                                   order_by='Order.id')

    def greeting(self):
        return f'Dear {self.name}'


class BuyerProfile(Base):
    __tablename__ = 'profile'
    uuid = sa.Column(sa.Uuid, primary_key=True)
    ctime = sa.Column(sa.DateTime)
    user_id = sa.Column(sa.ForeignKey('user.id'))
    user = orm.relationship(User, back_populates='profile')


class Order(Base):
    __tablename__ = 'order'
    __table_args__ = (sa.UniqueConstraint('number'), sa.Index('a', 'code', unique=True),
                      sa.UniqueConstraint('name', 'total'))
    id = sa.Column(sa.Integer, primary_key=True)
    total = sa.Column(sa.Numeric(10, 2))
    number = sa.Column(sa.BigInteger)
    code = sa.Column(sa.String)
    name = sa.Column(sa.String)
    day = sa.Column(sa.Date)
    moment = sa.Column(sa.DateTime)
    level = sa.Column(sa.Enum(Level))
    paid = sa.Column(sa.Boolean)
    rate = sa.Column(sa.Float)
    buyer_id = sa.Column(sa.ForeignKey('user.id'))
    buyer = orm.relationship(User, back_populates='orders')


ENTRIES = {
    'User': {'attributes': ['id', 'email', 'greeting'], 'key': 'id', 'model': User,
             'unique': ['email', 'profile.uuid', 'orders.code']},
    'BuyerProfile': {'attributes': ['uuid', 'ctime'], 'children': ['user'],
                     'key': 'uuid', 'unique': ['user.email'], 'model': BuyerProfile},
    'Order': {'attributes': ['id', 'total'], 'children': ['buyer'], 'key': 'id',
              'unique': ['number', 'code', 'day', 'moment', 'level', 'total', 'rate',
                         'paid'],
              'model': Order},
}


@pytest.fixture
def session():
    engine = sa.create_engine('sqlite://')
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        ann = User(id=1, email='ann@example.com', name='Ann')
        session.add_all([
            ann, User(id=2, email='ben@example.com', name='Ben'),
            BuyerProfile(uuid=uuid.UUID(int=7), user=ann,
                         ctime=datetime.datetime(2026, 11, 21, 20, 10))])
        session.add_all([
            Order(id=number, buyer=ann, total=Decimal('1.10') * number,
                  code=f'c{number}', number=number + 2 ** 40,
                  day=datetime.date(2026, 11, number),
                  moment=datetime.datetime(2026, 11, number, 12), level=Level.HIGH,
                  name='same', rate=number / 4, paid=number == 2)
            for number in range(1, 13)])
        session.commit()
        yield session
    engine.dispose()


@pytest.fixture
def tracking_map(session):
    return TrackingMap(ENTRIES, session=session)


def test_values_and_children(tracking_map, session):
    profile = session.scalars(sa.select(BuyerProfile)).one()
    assert tracking_map.tracking_values(profile) == {
        'BuyerProfile_uuid': '00000000-0000-0000-0000-000000000007',
        'BuyerProfile_ctime': '2026-11-21T20:10:00+00:00',
        'User_id': 1, 'User_email': 'ann@example.com', 'User_greeting': 'Dear Ann'}
    profile.user = None
    assert list(tracking_map.tracking_values(profile)) == [
        'BuyerProfile_uuid', 'BuyerProfile_ctime']


@pytest.mark.parametrize('orders', ['orders', 'lazy_orders'])
def test_children_that_are_many(session, orders):
    entries = {**ENTRIES, 'User': {'attributes': ['id'], 'key': 'id', 'children': [
        {'path': orders, 'limit': 3, 'keys': 'collected'}]}}
    seen = []
    sa.event.listen(session.bind, 'before_cursor_execute',
                    lambda *arguments: seen.append(arguments[2]))
    values = TrackingMap(entries).tracking_values(session.get(User, 1))
    assert values == {
        'User_id': 1, 'Order_id': [1, 2, 3], 'Order_total': ['1.10', '2.20', '3.30'],
        f'User_{orders}_more': True}
    limited = [one for one in seen if 'LIMIT' in one]
    assert len(limited) == (orders == 'lazy_orders')


@pytest.mark.parametrize(('name', 'value', 'id_'), [
    ('User__id', '2', 2), ('User__id', 2, 2), ('User__email', 'ben@example.com', 2),
    ('User__profile.uuid', str(uuid.UUID(int=7)), 1), ('User__orders.code', 'c5', 1),
    ('Order__number', str(2 ** 40 + 3), 3), ('Order__code', 'c4', 4),
    ('Order__day', '2026-11-05', 5), ('Order__moment', '2026-11-06T12:00:00', 6),
    ('Order__moment', '2026-11-06T14:00:00+02:00', 6), ('Order__total', '2.20', 2),
    ('Order__rate', '0.75', 3), ('Order__paid', 'True', 2),
])
def test_objects_are_found(tracking_map, name, value, id_):
    assert tracking_map.get_model(name, value).id == id_


@pytest.mark.parametrize(('name', 'value'), [
    ('User__id', '3'), ('User__id', 'x'), ('User__id', '1 OR 1=1'),
    ('User__id', str(10 ** 30)), ('User__id', '-1'), ('User__email', '%'),
    ('User__email', "' OR ''='"), ('User__email', 'a\0'), ('BuyerProfile__uuid', 'x'),
    ('BuyerProfile__uuid', str(uuid.UUID(int=8))), ('Order__day', 'yesterday'),
    ('Order__level', 'none'), ('Order__total', 'x'), ('Order__paid', '1'),
    ('Order__rate', 'nan'), ('User__profile.uuid', 'x')])
def test_what_nobody_has_is_not_found(tracking_map, name, value):
    with pytest.raises(NotFoundError):
        tracking_map.get_model(name, value)


def test_several_are_an_error(tracking_map):
    with pytest.raises(SeveralFoundError):
        tracking_map.get_model('Order__level', 'high')


def test_a_url_is_read_back(tracking_map, session):
    profile = session.get(BuyerProfile, uuid.UUID(int=7))
    order = session.get(Order, 3)
    url = tracking_map.tracking_url('https://example.com/', profile, order)
    assert url == ('https://example.com/?BuyerProfile__uuid='
                   '00000000-0000-0000-0000-000000000007&Order__id=3')
    expected = tracking_map.tracking_values(profile, order)
    assert expected['Order_total'] == '3.30' and expected['User_id'] == 1
    session.expire_all()
    assert tracking_map.values_from_query(url) == expected


def test_a_look_up_writes_nothing(tracking_map, session):
    session.add(User(id=1, email='a second one'))  # which no database takes
    assert tracking_map.get_model('User__id', '2').name == 'Ben'
    session.rollback()


def test_sessions_by_other_ways(session):
    scoped = orm.scoped_session(lambda: session)
    for given in (scoped, lambda: session, scoped.registry):
        tracking_map = TrackingMap(ENTRIES, session=given)
        assert tracking_map.get_model('User__id', '2').name == 'Ben'
    entries = {'User': {**ENTRIES['User'], 'session': session}}
    assert TrackingMap(entries).get_model('User__id', '2').name == 'Ben'


NO_SESSION = (
    'objects of SQLAlchemy are found by a session; give the map, or the entry, '
    "'session': a session, a scoped_session, or a function that returns a session")


def test_without_a_session():
    tracking_map = TrackingMap({'User': ENTRIES['User']})
    with pytest.raises(LookupRefused) as caught:
        tracking_map.get_model('User__id', '2')
    assert str(caught.value) == f'User: {NO_SESSION}'
    assert f'User__id: {NO_SESSION}' in tracking_map.check_map()
    with pytest.raises(MapError) as caught:
        TrackingMap({}, session=7)
    assert str(caught.value) == f'session: 7 is none; {NO_SESSION}'
    with pytest.raises(MapError) as caught:
        TrackingMap({'User': {'session': 7}})
    assert str(caught.value) == f'User: session: 7 is none; {NO_SESSION}'


def test_a_function_that_returns_no_session():
    with pytest.raises(ReadingError, match='TypeError: the function of the session re'):
        TrackingMap(ENTRIES, session=lambda: None).get_model('User__id', '2')


def test_a_session_that_must_be_awaited_is_refused():
    class AsyncSession:
        async def scalars(self, statement):
            raise AssertionError('not called')

    with pytest.raises(LookupRefused, match='^User: session: a look-up cannot wait'):
        TrackingMap(ENTRIES, session=AsyncSession()).get_model('User__id', '2')


def test_what_the_database_says_is_told(session):
    Base.metadata.drop_all(session.bind)
    with pytest.raises(ReadingError, match='^User__id: looking it up failed: Op'):
        TrackingMap(ENTRIES, session=session).get_model('User__id', '2')


def test_a_detached_object_cannot_tell_its_children(tracking_map, session):
    profile = session.scalars(sa.select(BuyerProfile)).one()
    session.expunge_all()
    with pytest.raises(ReadingError, match='^BuyerProfile.user: reading it failed'):
        tracking_map.tracking_values(profile)


def test_the_map_is_checked(session):
    entries = {
        'User': {'attributes': ['id', 'emial', 'greeting', 'profile.ctime',
                                'profile.nothing', 'name.nothing'],
                 'children': ['orders', 'nobody'], 'key': 'id', 'model': User,
                 'unique': ['name', 'email', 'greeting', 'profile.uuid', 'missing']},
        'BuyerProfile': {'attributes': [], 'model': BuyerProfile, 'children': ['user']},
    }
    user = 'email, id, lazy_orders, name, orders, profile'
    assert TrackingMap(entries, session=session).check_map() == [
        f"User.emial: the model User has no 'emial'; it has {user}",
        "User.profile_nothing: the model BuyerProfile has no 'nothing'; it has ctime, "
        "user, user_id, uuid",
        f"User.nobody: the model User has no 'nobody'; it has {user}",
        "User.orders: the map lacks the class Order; it has User, BuyerProfile",
        'User__name: name is not unique in the model User, so that a look-up may find '
        'several',
        'User__greeting: greeting is no column, so that it cannot be looked up',
        f"User__missing: the model User has no 'missing'; it has {user}",
    ]


def test_an_attribute_behind_many_objects_is_no_attribute():
    assert TrackingMap({'User': {
        'attributes': ['orders', 'lazy_orders', 'profile.uuid'], 'model': User}}
    ).check_map() == ["User.orders: 'orders' are many objects; tell them as a child"]


def test_what_is_unique():
    entries = {'Order': {'model': Order, 'unique': ['id', 'number', 'code', 'name'],
                         'session': print}}
    assert TrackingMap(entries).check_map() == [
        'Order__name: name is not unique in the model Order, so that a look-up may '
        'find several']


REFUSED = 'that it cannot be looked up'


def test_what_is_no_column_is_not_looked_up(session):
    entries = {'User': {'key': 'greeting', 'model': User,
                        'unique': ['name.x', 'greeting.x', 'profile']}}
    tracking_map = TrackingMap(entries, session=session)
    for name, text in [
            ('greeting', f'User.greeting: it is no column, so {REFUSED}'),
            ('greeting.x', f'User.greeting: it is no column, so {REFUSED}'),
            ('name.x', 'User.name: it is no relationship, so that nothing behind it '
                       'can be looked up')]:
        with pytest.raises(LookupRefused) as caught:
            tracking_map.get_model(f'User__{name}', '1')
        assert str(caught.value) == text
