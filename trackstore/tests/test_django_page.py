"""The project of ``docs/topics/django.rst`` is made, and does what the page says."""

import pytest

from trackstore.tests.pages import TOP, Project, blocks, commands
from trackstore.tests.servers import need

PAGE = TOP / 'docs' / 'topics' / 'django.rst'


def test_the_project_of_the_page(tmp_path):
    need('django', 'click', 'rich')
    project = Project(tmp_path)
    done = 0
    for kind, caption, text in blocks(PAGE):
        if kind == 'python':
            project.put(caption, text)
            continue
        for line, output in commands(text):
            found = project.run(line)
            if found.split() != output.split():
                pytest.fail(f'$ {line}\n{output}\nprinted:\n{found}', pytrace=False)
            done += 1
    assert done == PAGE.read_text('utf-8').count('   $ ') >= 8


def test_the_tests_of_the_page_pass_and_can_fail(tmp_path):
    need('django')
    project = Project(tmp_path)
    for kind, caption, text in blocks(PAGE):
        if kind == 'console' and 'startproject' in text:
            project.run(next(commands(text))[0])
        if caption in ('shop/settings.py, at the end', 'shop/urls.py', 'shop/tests.py',
                       'shop/tenants.py') and 'mail' not in text:
            project.put(caption, text)
    project.put('shop/tests.py, at the end', """
from django.test import TransactionTestCase

class OutsideTest(TransactionTestCase):
    def test_order(self):
        self.client.get('/order/18')
""")
    line = 'python manage.py test --verbosity 0; echo $?'
    assert project.run(line).endswith('OK\n0\n')
    assert not (tmp_path / 'events.fs').exists()
    tests = tmp_path / 'shop' / 'tests.py'
    tests.write_text(tests.read_text().replace("'order': 17", "'order': 1"))
    assert project.run(line).endswith('FAILED (failures=1)\n1\n')
