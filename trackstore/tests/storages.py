"""Every kind of storage that a store may be in, each chosen by its URI."""

from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from trackstore.opening import database, open_storage
from trackstore.tests.servers import PostgreSQL, ZEOServer, need

#: Kinds of which each database is new, and gone when it is closed.
IN_MEMORY = ('MappingStorage', 'DemoStorage')

#: Kinds that another process can open at the same time.
SERVED = ('ZEO', 'PostgreSQL', 'PostgreSQL without history')

KINDS = ('FileStorage', 'zlibstorage', *IN_MEMORY, *SERVED)

#: Kinds that are there again after they were closed.
LASTING = ('FileStorage', 'zlibstorage', *SERVED)

#: Kinds that have an undo log.
WITH_UNDO = ('FileStorage', 'zlibstorage', 'ZEO', 'PostgreSQL')

ZLIB = '''
%import zc.zlibstorage
<zodb main>
  <zlibstorage>
    <filestorage>
      path {path}
    </filestorage>
  </zlibstorage>
</zodb>
'''


class Places:
    """Makes places of each kind, and the servers that they need, once a run."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self._stack = ExitStack()
        self._postgresql = None
        self._templates = {}  # kind -> database with tables

    @property
    def postgresql(self):
        if self._postgresql is None:
            self._postgresql = self._stack.enter_context(
                PostgreSQL(self.folder / 'postgresql'))
        return self._postgresql

    def _postgresql_uri(self, kind):
        """Return the URI of a database that has empty tables: a copy is quicker."""
        server, keep = self.postgresql, kind == 'PostgreSQL'
        if kind not in self._templates:
            self._templates[kind] = server.new_database()
            open_storage(server.uri(self._templates[kind], keep))[0].close()
        return server.uri(server.new_database(self._templates[kind]), keep)

    @contextmanager
    def uri(self, kind, folder):
        """Yield the URI of a new place of that kind; files are in the folder."""
        folder = Path(folder)
        if kind == 'ZEO':
            with ZEOServer(folder / 'served.fs') as server:
                yield server.uri
        elif kind.startswith('PostgreSQL'):
            yield self._postgresql_uri(kind)
        elif kind == 'zlibstorage':
            need('zc.zlibstorage')
            config = folder / 'zlib.conf'
            config.write_text(ZLIB.format(path=folder / 'zlib.fs'))
            yield f'zconfig://{config}#main'
        elif kind == 'DemoStorage':
            base = f'file://{folder / "base.fs"}'
            database(base).close()
            yield f'demo:({base}?read_only=1)/(memory://changes)'
        elif kind == 'MappingStorage':
            yield 'memory://'
        else:
            yield f'file://{folder / "data.fs"}'

    @contextmanager
    def database(self, kind, folder):
        """Yield a new, empty database of that kind."""
        with self.uri(kind, folder) as uri:
            db = database(uri)
            try:
                yield db
            finally:
                db.close()

    def close(self):
        self._stack.close()


def history(where):
    """Return each transaction of a place with its records, by object."""
    with closing(open_storage(where, create=False, readOnly=True)[0]) as storage:
        return [(each.tid, each.user, each.description, each.status,
                 sorted((record.oid, record.tid, record.data) for record in each))
                for each in storage.iterator()]
