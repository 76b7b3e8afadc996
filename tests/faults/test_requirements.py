"""What a machine lacks is named in the skip."""

from __future__ import annotations

import pytest

from tests.ports import free_port

from . import requirements


def test_a_program():
    with pytest.raises(pytest.skip.Exception, match="nowhere is missing: apt install its-package"):
        requirements.program("nowhere", "its-package")


def test_a_library():
    with pytest.raises(pytest.skip.Exception, match=r"no\.so is missing: apt install its-package"):
        requirements.library("usr/lib/*/no.so", "its-package")


def test_a_driver():
    with pytest.raises(pytest.skip.Exception, match="no_driver is missing: pip install"):
        requirements.driver("no_driver")


def test_a_service():
    port = free_port()
    with pytest.raises(pytest.skip.Exception, match=f"Oracle is missing: nothing.*{port}"):
        requirements.service("Oracle", port)
