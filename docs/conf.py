"""How Sphinx builds the documentation: see ``make docs``."""

import re
from pathlib import Path

HERE = Path(__file__).parent

project = 'trackstore'
author = 'the trackstore contributors'
copyright = '2026, the trackstore contributors'
release = version = re.search(
    r"version='([^']+)'", (HERE.parent / 'setup.py').read_text('utf-8'))[1]

extensions = [
    'sphinx.ext.autodoc',
    'repoze.sphinx.autointerface',
]
exclude_patterns = ['_build']
nitpicky = True
nitpick_ignore_regex = [
    ('py:.*', r'(zope\.interface|ZODB|persistent)\..*|.*optional')]
default_role = 'code'
highlight_language = 'pycon3'
autodoc_member_order = 'bysource'

html_theme = 'furo'
html_title = f'trackstore {release}'
html_show_sphinx = False
html_copy_source = False
html_static_path = ['_static']
html_css_files = ['wrap.css']

# The pages tell in words what the hints of the signatures say.
autodoc_typehints = 'none'
