"""mqctl's modules for the hosts, imported as Ansible imports them there."""

import importlib
import sys

import ansible.module_utils
import pytest

from . import modules


@pytest.fixture(scope="module")
def imported():
    """Imports one of them by its name."""
    ansible.module_utils.__path__.append(str(modules.PLAYBOOKS / "module_utils"))
    sys.path.insert(0, str(modules.PLAYBOOKS / "library"))
    yield importlib.import_module
    sys.path.remove(str(modules.PLAYBOOKS / "library"))
    ansible.module_utils.__path__.pop()
