"""The tracking map with models of Django; run by ``test_django``."""

import asyncio
import datetime
import uuid
from decimal import Decimal

import pytest

from trackstore.tests.models import djangoshop

djangoshop.configure()

from django.contrib.auth.models import AnonymousUser, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.http import QueryDict  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils.functional import SimpleLazyObject  # noqa: E402

from trackstore.models import ModelValues, TrackingMap  # noqa: E402
from trackstore.models.exceptions import (  # noqa: E402
    LookupRefused,
    NotFoundError,
    ReadingError,
    SeveralFoundError,
    UnknownClassError,
)
from trackstore.tests.models.djangoshop.models import (  # noqa: E402
    BuyerProfile,
    CompanyAccount,
    Express,
    Hidden,
    Order,
)

UUID = uuid.UUID('6fa459ea-ee8a-3ca4-894e-db77e160355e')
ENTRIES = {
    'CompanyAccount': {'attributes': ['name', 'is_demo'], 'key': 'name',
                       'model': CompanyAccount},
    'User': {'attributes': ['id', 'email', 'is_staff'], 'key': 'id',
             'unique': ['username', 'buyer.uuid'], 'model': User},
    'BuyerProfile': {'attributes': ['uuid', 'ctime'], 'children': ['user', 'company'],
                     'key': 'uuid', 'unique': ['user.username', 'pk'],
                     'model': 'trackstore.tests.models.djangoshop.models.BuyerProfile'},
    'Order': {'attributes': ['number', 'total', 'doubled', 'state', 'data.gift',
                             ('label', 'get_state_display')],
              'key': 'number', 'unique': ['total'], 'model': Order},
}
PROFILE = {
    'BuyerProfile_uuid': str(UUID), 'BuyerProfile_ctime': '2026-11-21T20:10:00+00:00',
    'User_id': 1, 'User_email': 'ann@example.com', 'User_is_staff': False,
    'CompanyAccount_name': 'Demo & Co', 'CompanyAccount_is_demo': True}


@pytest.fixture(scope='module', autouse=True)
def database():
    call_command('migrate', run_syncdb=True, verbosity=0)
    ann = User.objects.create(id=1, username='ann', email='ann@example.com')
    User.objects.create(id=2, username='ben', email='ben@example.com')
    demo = CompanyAccount.objects.create(name='Demo & Co', is_demo=True)
    zone = datetime.timezone(datetime.timedelta(hours=1))
    profile = BuyerProfile.objects.create(
        uuid=UUID, user=ann, company=demo,
        ctime=datetime.datetime(2026, 11, 21, 21, 10, tzinfo=zone))
    for number in range(1, 13):
        Order.objects.create(number=number, total=Decimal('1.10') * number,
                             buyer=profile, data={'gift': number == 1})
    Hidden.objects.create()
    Express.objects.create(number=99, total=5, hours=3, buyer=profile,
                           data={'gift': None})
    yield
    connection.close()


@pytest.fixture
def tracking_map():
    return TrackingMap(ENTRIES, roles=['buyer'])


@pytest.fixture
def profile():
    return BuyerProfile.objects.get()


def test_values_and_children(tracking_map, profile):
    assert tracking_map.tracking_values(profile) == PROFILE


def test_children_that_are_absent(tracking_map):
    entries = {**ENTRIES, 'User': {'attributes': ['id', 'buyer.uuid'],
                                   'children': ['buyer']},
               'BuyerProfile': {'attributes': ['uuid'], 'children': ['company']}}
    profile = BuyerProfile(uuid=UUID)
    assert TrackingMap(entries).tracking_values(profile) == {
        'BuyerProfile_uuid': str(UUID)}
    # that there is no such object is an error in Django
    assert TrackingMap(entries).tracking_values(User.objects.get(id=2)) == {
        'User_id': 2, 'User_buyer_uuid': None}
    assert TrackingMap(ENTRIES).tracking_values(profile) == {
        'BuyerProfile_uuid': str(UUID), 'BuyerProfile_ctime': None}


def test_an_object_that_was_deleted_has_no_children_but_its_attributes():
    demo = CompanyAccount.objects.create(name='Gone & Co')
    demo.delete()
    problems = []
    tracking_map = TrackingMap({
        **ENTRIES, 'CompanyAccount': {'attributes': ['name'], 'children': ['buyers']}
    }, missing='report', report=problems.append)
    event = {'data': {'company': demo, 'user': User.objects.get(id=1)}}
    assert ModelValues(tracking_map)(event)['data'] == {
        'CompanyAccount_name': 'Gone & Co', 'User_id': 1,
        'User_email': 'ann@example.com', 'User_is_staff': False}
    assert [str(problem)[:52] for problem in problems] == [
        'CompanyAccount.buyers: reading it failed: ValueError']
    assert isinstance(problems[0], ReadingError)


@pytest.mark.parametrize('path', [
    'orders', lambda profile: profile.orders.filter(number__gt=0)])
def test_children_that_are_many(profile, path):
    entries = {**ENTRIES, 'BuyerProfile': {'children': [
        {'name': 'orders', 'path': path, 'keys': 'collected', 'limit': 3}]}}
    with CaptureQueriesContext(connection) as queries:
        values = TrackingMap(entries).tracking_values(profile)
    assert values == {
        'Order_number': [1, 2, 3], 'Order_total': ['1.10', '2.20', '3.30'],
        'Order_doubled': ['2.20', '4.40', '6.60'], 'Order_state': ['paid'] * 3,
        'Order_data_gift': [True, False, False], 'Order_label': ['Paid'] * 3,
        'BuyerProfile_orders_more': True}
    assert [query['sql'].endswith('LIMIT 4') for query in queries] == [True]


def test_what_was_fetched_before_is_not_fetched_again():
    [profile] = BuyerProfile.objects.prefetch_related('orders')
    entries = {**ENTRIES, 'BuyerProfile': {'children': ['orders']}}
    with CaptureQueriesContext(connection) as queries:
        values = TrackingMap(entries).tracking_values(profile)
    assert len(queries) == 0
    assert values['Order_9_number'] == 10


def test_an_employee_called_manager_is_no_manager_of_objects():
    class Manager:
        id = 7

    entries = {'Manager': {'attributes': ['id']},
               'Order': {'attributes': ['number']},
               'BuyerProfile': {'children': [{'path': 'orders', 'limit': 1}]}}
    values = TrackingMap(entries).tracking_values(BuyerProfile.objects.get(), Manager())
    assert values == {'Order_0_number': 1, 'BuyerProfile_orders_more': True,
                      'Manager_id': 7}


def test_the_user_of_a_request_is_lazy(tracking_map):
    user = SimpleLazyObject(lambda: User.objects.get(id=1))
    values = tracking_map.tracking_values(user, User.objects.get(id=1))
    assert values == {'User_id': 1, 'User_email': 'ann@example.com',
                      'User_is_staff': False}
    assert ModelValues(tracking_map)({'data': {'buyer': user}})['data']['buyer_User_id']


def test_who_has_not_signed_in_needs_an_entry_to_be_no_object():
    user = SimpleLazyObject(AnonymousUser)
    process = ModelValues(TrackingMap({'AnonymousUser': {}}))
    assert process({'data': {'who': user, 'order': 7}})['data'] == {'order': 7}
    event = {'data': {'who': user}}
    assert ModelValues(TrackingMap(ENTRIES))(event) is event


def test_children_in_a_coroutine_have_to_be_fetched_before():
    problems = []
    process = ModelValues(TrackingMap(
        {**ENTRIES, 'BuyerProfile': {'attributes': ['uuid'], 'children': ['company']}},
        missing='report', report=problems.append))

    async def told(profile):
        return process({'data': {'who': profile}})['data']

    fetched = BuyerProfile.objects.select_related('company').get()
    alone = {'BuyerProfile_uuid': str(UUID)}
    assert asyncio.run(told(fetched)) == {
        **alone, 'CompanyAccount_name': 'Demo & Co', 'CompanyAccount_is_demo': True}
    assert not problems
    assert asyncio.run(told(BuyerProfile.objects.get())) == alone
    assert 'SynchronousOnlyOperation' in str(problems[0])


def test_models_that_inherit_and_that_are_deferred(tracking_map):
    values = tracking_map.tracking_values(Express.objects.get())
    assert values['Order_number'] == 99 and values['Order_data_gift'] is None
    order = Order.objects.only('number').get(number=2)
    assert tracking_map.tracking_values(order)['Order_total'] == '2.20'


@pytest.mark.parametrize(('name', 'value', 'username'), [
    ('User__id', '2', 'ben'), ('User__id', 2, 'ben'), ('User__username', 'ben', 'ben'),
    ('User__buyer.uuid', str(UUID), 'ann')])
def test_objects_are_found(tracking_map, name, value, username):
    assert tracking_map.get_model(name, value).username == username


def test_objects_are_found_through_relations(tracking_map, profile):
    for name, value in [('uuid', str(UUID)), ('uuid', UUID.hex), ('uuid', UUID),
                        ('pk', str(UUID)), ('user.username', 'ann')]:
        assert tracking_map.get_model(f'BuyerProfile__{name}', value) == profile
    assert tracking_map.get_model('CompanyAccount__name', 'Demo & Co').is_demo


@pytest.mark.parametrize(('name', 'value'), [
    ('User__id', '3'), ('User__id', 'x'), ('User__id', '1 OR 1=1'), ('User__id', '2.5'),
    ('User__id', str(10 ** 30)), ('User__id', '-1'), ('User__username', '%'),
    ('User__username', "' OR ''='"), ('BuyerProfile__uuid', 'x'),
    ('BuyerProfile__uuid', str(uuid.UUID(int=8))), ('Order__number', '10000'),
    ('Order__total', '1E+999999999'), ('Order__total', 'NaN'),
    ('Order__total', '99999999999999.99'), ('Order__total', '1.123456789012345'),
    ('User__username', '\0')])
def test_what_nobody_has_is_not_found(tracking_map, name, value):
    with pytest.raises(NotFoundError):
        tracking_map.get_model(name, value)


@pytest.mark.parametrize('name', [
    'User__email', 'User__password', 'User__id__gt', 'User__username__startswith',
    'User__buyer__uuid', 'BuyerProfile__company', 'User__', '__id'])
def test_only_what_is_declared_is_looked_up(tracking_map, name):
    with CaptureQueriesContext(connection) as queries, pytest.raises(
            (LookupRefused, UnknownClassError)):
        tracking_map.get_model(name, 'ann')
    assert len(queries) == 0


def test_several_are_an_error():
    entries = {'Order': {'key': 'state', 'model': Order.objects.all()}}
    with CaptureQueriesContext(connection) as queries, pytest.raises(SeveralFoundError):
        TrackingMap(entries).get_model('Order__state', 'paid')
    assert [query['sql'].endswith('LIMIT 2') for query in queries] == [True]


def test_a_manager_of_ones_own():
    entries = {'Order': {'key': 'number', 'model': Order,
                         'find': Order.objects.filter(number__lt=5)}}
    tracking_map = TrackingMap(entries)
    assert tracking_map.get_model('Order__number', '4').number == 4
    with pytest.raises(NotFoundError):
        tracking_map.get_model('Order__number', '5')
    assert TrackingMap({'Order': {'key': 'number', 'find': Order.objects}}).get_model(
        'Order__number', '5').number == 5


def test_a_property_cannot_be_looked_up():
    tracking_map = TrackingMap({'Order': {'key': 'doubled', 'model': Order}})
    with pytest.raises(LookupRefused, match='^doubled: it cannot be looked up: '):
        tracking_map.get_model('Order__doubled', '2.20')
    assert tracking_map.check_map() == [
        'Order__doubled: doubled is no field, so that it cannot be looked up']


def test_a_url_is_read_back(tracking_map, profile):
    url = tracking_map.tracking_url('https://www.example.com', profile,
                                    buyer=User.objects.get(id=2))
    assert url == (f'https://www.example.com?BuyerProfile__uuid={UUID}'
                   f'&buyer__User__id=2')
    expected = {**PROFILE, 'buyer_User_id': 2, 'buyer_User_email': 'ben@example.com',
                'buyer_User_is_staff': False}
    assert tracking_map.values_from_query(url) == expected
    params = QueryDict(f'page=1&{url.partition("?")[2]}&next=%2F')
    assert tracking_map.values_from_query(params) == expected


def test_methods_that_change_data_are_not_called(profile):
    tracking_map = TrackingMap({'BuyerProfile': {'attributes': ['delete']}})
    with pytest.raises(ReadingError) as caught:
        tracking_map.tracking_values(profile)
    assert str(caught.value) == (
        "BuyerProfile.delete: 'delete' changes data, and is not called")
    assert BuyerProfile.objects.exists()


def test_a_model_that_the_map_lacks_is_not_written_into_an_event(tracking_map):
    event = {'data': {'hidden': Hidden.objects.get()}}
    with pytest.raises(UnknownClassError, match='^hidden: the map lacks the class '):
        ModelValues(tracking_map)(event)


def test_what_the_database_says_is_told(tracking_map):
    error = '^User__id: looking it up failed: TransactionManagementError: '
    with pytest.raises(ReadingError, match=error), transaction.atomic():
        transaction.set_rollback(True)
        tracking_map.get_model('User__id', '1')


SEVERAL = 'so that a look-up may find several'


def test_the_map_is_checked():
    entries = {
        'User': {'attributes': ['id', 'emial', 'get_full_name', 'buyer.ctime',
                                'buyer.nothing', 'buyer.user_id', 'email.nothing',
                                'pk'],
                 'children': ['buyer', 'nobody', 'groups'], 'key': 'id', 'model': User,
                 'unique': ['email', 'username', 'buyer.uuid', 'get_full_name',
                            'missing', 'buyer.company']},
        'BuyerProfile': {'children': ['user', 'orders'], 'model': BuyerProfile,
                         'unique': ['user', 'company.name', 'orders']},
        'Express': {'model': Express, 'attributes': ['hours', 'delete'],
                    'unique': ['number', 'state']},
    }
    problems = TrackingMap(entries).check_map()
    user = ('buyer, date_joined, email, first_name, groups, id, is_active, is_staff, '
            'is_superuser, last_login, last_name, password, user_permissions, username')
    assert problems == [
        f"User.emial: the model User has no 'emial'; it has {user}",
        "User.buyer_nothing: the model BuyerProfile has no 'nothing'; it has company, "
        "ctime, orders, user, uuid",
        f"User.nobody: the model User has no 'nobody'; it has {user}",
        'User.groups: the map lacks the class Group; it has User, BuyerProfile, '
        'Express',
        f'User__email: email is not unique in the model User, {SEVERAL}',
        'User__get_full_name: get_full_name is no field, so that it cannot be looked '
        'up',
        f"User__missing: the model User has no 'missing'; it has {user}",
        'User__buyer.company: buyer.company is not unique in the model User, '
        f'{SEVERAL}',
        'BuyerProfile.orders: the map lacks the class Order; it has User, '
        'BuyerProfile, Express',
        'BuyerProfile__company.name: company.name is not unique in the model '
        f'BuyerProfile, {SEVERAL}',
        'BuyerProfile__orders: orders is not unique in the model BuyerProfile, '
        f'{SEVERAL}',
        "Express.delete: 'delete' changes data, and is not called",
        f'Express__state: state is not unique in the model Express, {SEVERAL}']
    assert TrackingMap(ENTRIES).check_map() == [
        f'Order__total: total is not unique in the model Order, {SEVERAL}']


def test_an_attribute_behind_many_objects_is_no_attribute():
    problem = 'are many objects; tell them as a child'
    assert TrackingMap({
        'BuyerProfile': {'attributes': ['orders', 'user.groups.name', 'user.username',
                                        'orders.count', 'orders.first.number'],
                         'children': [('all', 'user.groups.permissions'),
                                      ('own', 'user.groups')], 'model': BuyerProfile},
        'Group': {}, 'Permission': {}}).check_map() == [
            f"BuyerProfile.orders: 'orders' {problem}",
            f"BuyerProfile.user_groups_name: 'groups' {problem}",
            f"BuyerProfile.all: 'groups' {problem}"]
    assert TrackingMap({'BuyerProfile': {
        'attributes': ['orders.count', 'orders.first.number']}}).tracking_values(
            BuyerProfile.objects.get()) == {
                'BuyerProfile_orders_count': 13, 'BuyerProfile_orders_first_number': 1}
