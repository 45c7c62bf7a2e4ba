"""Events as documents in MongoDB."""

import logging
import threading
from collections.abc import Mapping
from urllib.parse import quote, quote_plus, unquote

from zope.interface import implementer

from trackstore.events import checks
from trackstore.events.backends.documents import document, encoded
from trackstore.events.environment import expanded, hidden
from trackstore.events.exceptions import ConfigurationError, DeliveryError
from trackstore.events.forks import renewed_after_fork
from trackstore.events.interfaces import IRepeatingBackend
from trackstore.events.wire import id_of

#: The database, where neither an option nor the URI names one.
DATABASE = 'eventtracking'

#: What is set unless ``extra`` or the URI says otherwise.  Five seconds are what one
#: waits for a server that is not there.
DEFAULTS = {'tz_aware': True, 'w': 1, 'serverSelectionTimeoutMS': 5000}

#: What pymongo calls the options that the backend has itself.
OWN = {'host': 'host', 'port': 'port', 'username': 'user', 'password': 'password'}

SCHEMES = ('mongodb://', 'mongodb+srv://')

#: Codes of the server for what it will never take: bad values and names, a document
#: that is too large or that the rules of the collection refuse, no permission.
FINAL = frozenset((2, 9, 13, 14, 18, 52, 57, 73, 121, 10334, 17280))
DUPLICATE = 11000

#: Those that are about who asks, and for what, not about what is sent.
OF_THE_PLACE = frozenset((13, 18, 73))

log = logging.getLogger(__name__)


@implementer(IRepeatingBackend)
class MongoBackend:
    """Inserts each event as a document, whose ``_id`` is the id of the event.

    ``uri``
        ``mongodb://...``, or the next four:
    ``host``, ``port``, ``user``, ``password``
        where the server is, and who asks; the user is one of the database, unless
        ``extra`` has ``authSource``
    ``database``, ``collection``
        their names
    ``extra``
        a mapping of further options of ``pymongo.MongoClient``
    ``indexes``
        whether indexes on ``name`` and ``timestamp`` are made, with the first event
    ``most_at_once``
        so many events a queue gives ``send_many``

    In ``uri`` and ``password``, ``${NAME}`` stands for the variable NAME of the
    environment.  An event that is there already is not stored twice, and is no error.
    """

    #: Queues need make no copies: an event is only read.
    leaves_events_alone = True

    def __init__(self, host='localhost', port=27017, database=None,
                 collection='events', user='', password='', extra=None, uri=None,
                 indexes=True, most_at_once=1000):
        try:
            import bson.raw_bson
            import pymongo
        except ImportError as error:
            raise checks.missing('pymongo', 'mongodb', error) from error
        self._pymongo, self._bson = pymongo, bson
        self._secrets = []
        self._names = (database, _name(collection, 'collection'))
        if database is not None:
            _name(database, 'database')
        self._indexes = checks.flag(indexes, 'indexes')
        self.most_at_once = checks.whole(most_at_once, 'most_at_once')
        self._options = self._of_client(
            host, port, uri, user, password, _extra(extra))
        self._collection = self._connected()  # which does not yet connect
        self.place = '.'.join(
            (self._collection.database.name, self._collection.name))
        self.after_fork()
        renewed_after_fork(self)

    def __repr__(self):
        return f'<MongoBackend {self.place}>'

    def send(self, event):
        self.send_many([event])

    def send_many(self, events):
        """Insert all events that are not there; after an error, take them back."""
        if not events:
            return
        documents = [self._encoded(event) for event in events]
        collection = self._opened()
        error = None
        try:
            collection.insert_many(documents, ordered=False)
        except self._pymongo.errors.BulkWriteError as failure:
            error = self._refusal(collection, documents, failure.details)
        except self._pymongo.errors.PyMongoError as failure:
            error = self._error(failure)
        if error is not None:
            raise error
        self._index(collection)

    def send_again(self, events):
        """Insert those events that are not there."""
        self.send_many(events)

    def holds(self, event):
        """Tell whether there is a document with the id of the event."""
        error = None
        try:
            return self._opened().find_one(
                {'_id': id_of(event)}, {'_id': True}) is not None
        except self._pymongo.errors.PyMongoError as failure:
            error = self._error(failure)
        raise error

    def close(self):
        """Close all connections; ``send`` opens new ones."""
        with self._lock:
            collection, self._collection = self._collection, None
            if collection is not None:
                collection.database.client.close()

    def after_fork(self):
        """Begin anew: open connections are those of the parent process."""
        self._lock = threading.Lock()
        self._collection = None

    # documents

    def _encoded(self, event):
        try:
            return encoded(document(event, id_of(event)), self._bson)
        except (self._bson.errors.BSONError, OverflowError, RecursionError) as error:
            raise DeliveryError(
                f'event {event.get("name")!r:.200} ({id_of(event)}) cannot be a '
                f'document of MongoDB: {error}', again=False) from error

    def _refusal(self, collection, documents, details):
        """Return the error for what was not inserted; None if all is there.

        What this call has inserted is removed, so that it is all or nothing.
        """
        concerns = details.get('writeConcernErrors') or []
        failed = {each['index']: each for each in details.get('writeErrors') or []}
        bad = [each for each in failed.values() if not _is_there(each)]
        if not bad and not concerns:
            return None
        if bad:
            ids = [each['_id'] for number, each in enumerate(documents)
                   if number not in failed]
            try:
                collection.delete_many({'_id': {'$in': ids}})
            except self._pymongo.errors.PyMongoError as failure:
                log.warning('%s: %d events of a batch that was refused are there: %s',
                            self.place, len(ids), self._told(str(failure)))
        worst = (bad or concerns)[0]
        return DeliveryError(
            self._told(f'{self.place} did not take it: {worst.get("errmsg")}'),
            again=not bad or not all(_is_final(each) for each in bad))

    def _error(self, failure):
        code = getattr(failure, 'code', None)
        again = not isinstance(failure, self._pymongo.errors.OperationFailure) or (
            code not in FINAL)
        text = str(failure).partition(', Timeout:')[0]  # then all it knows of servers
        return DeliveryError(self._told(
            f'{self.place} did not take it: {type(failure).__name__}: {text}'),
            again=again, for_all=code in OF_THE_PLACE)

    def _told(self, text):
        return hidden(text, self._secrets)[:500]

    # the client

    def _opened(self):
        with self._lock:
            if self._collection is None:
                self._collection = self._connected()
            return self._collection

    def _connected(self):
        """Return the collection with a new client, which connects when it is used."""
        try:
            client = self._pymongo.MongoClient(**self._options, connect=False)
            database = client.get_default_database(
                DATABASE) if self._names[0] is None else client[self._names[0]]
            return database[self._names[1]]
        except (self._pymongo.errors.PyMongoError, TypeError, ValueError) as failure:
            text = hidden(str(failure), self._secrets)
        raise ConfigurationError(f'pymongo does not take this: {text}')

    def _index(self, collection):
        """Make the indexes after the first events, whose error would tell more."""
        if not self._indexes:
            return
        self._indexes = False
        models = [self._pymongo.IndexModel([('timestamp', self._pymongo.DESCENDING)]),
                  self._pymongo.IndexModel('name')]
        try:
            collection.create_indexes(models)
        except self._pymongo.errors.PyMongoError as failure:
            log.warning('%s: the indexes on name and timestamp cannot be made: %s',
                        self.place, self._told(str(failure)))

    def _of_client(self, host, port, uri, user, password, extra):
        """Return the arguments of the client; secrets in them are noted."""
        for name, value in (('user', user), ('password', password)):
            if value is not None and not isinstance(value, str):
                raise checks.wrong_type(value, name, 'text', checks.SECRET)
        options = DEFAULTS | extra
        if uri is None and not user and str(host).startswith(SCHEMES):
            uri, host = host, 'localhost'  # as pymongo allows, too
        if uri is not None:
            if user or password or host != 'localhost' or port != 27017:
                raise ConfigurationError(
                    'uri: host, port, user and password stand beside it; allowed is '
                    'the one or the other')
            return self._of_uri(uri, extra)
        if type(port) is not int or not 0 < port < 65536:
            raise ConfigurationError(
                f'port: {port!r} is no port; allowed are whole numbers to 65535')
        if not (isinstance(host, (str, list)) and host):
            raise ConfigurationError(
                f'host: {host!r} is no host; allowed are its name, and a list of names')
        if password and not user:
            raise ConfigurationError(
                'user: none stands beside the password; allowed are both, or neither')
        options |= {'host': host, 'port': port}
        if user:
            password = expanded(password or '', 'password', self._secrets)
            self._note(password)
            options |= {'username': user, 'password': password}
            options.setdefault('authSource', self._names[0] or DATABASE)
        return options

    def _of_uri(self, uri, extra):
        if not isinstance(uri, str) or not uri.startswith(SCHEMES):
            raise ConfigurationError(
                "uri: that is none of MongoDB; allowed is text like "
                "'mongodb://ann@db.example.com/tracking'")
        uri = expanded(uri, 'uri', self._secrets)
        user, at, _ = uri.partition('://')[2].rpartition('@')
        if at and ':' in user:
            self._note(unquote(user.partition(':')[2]))
        said = uri.partition('?')[2].lower()
        defaults = {key: value for key, value in DEFAULTS.items()
                    if f'{key.lower()}=' not in said}
        return defaults | extra | {'host': uri}

    def _note(self, password):
        self._secrets += [password, quote(password), quote_plus(password)]


def _is_there(failed):
    """Tell whether a document failed because one with its ``_id`` is there."""
    if failed.get('code') != DUPLICATE:
        return False
    pattern = failed.get('keyPattern')
    return pattern == {'_id': 1} if pattern else '_id_' in failed.get('errmsg', '')


def _is_final(failed):
    return failed.get('code') in FINAL or failed.get('code') == DUPLICATE


def _name(name, option):
    if not isinstance(name, str) or not name or '$' in name or '\0' in name:
        raise ConfigurationError(
            f'{option}: {name!r} is no name; allowed is text without $')
    return name


def _extra(extra):
    if extra is None:
        return {}
    if not isinstance(extra, Mapping):
        raise checks.wrong_type(
            extra, 'extra', 'mapping', 'a mapping of options of pymongo.MongoClient')
    for name, own in OWN.items():
        if name in extra:
            raise ConfigurationError(
                f'extra: {name!r} stands in it; the backend has an option {own!r}')
    return dict(extra)
