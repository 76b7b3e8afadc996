"""What a machine lacks is named in the skip."""

from __future__ import annotations

import pytest

from . import needs


def test_a_program():
    with pytest.raises(pytest.skip.Exception, match="nowhere is missing: apt install its-package"):
        needs.program("nowhere", "its-package")


def test_a_library():
    with pytest.raises(pytest.skip.Exception, match=r"no\.so is missing: apt install its-package"):
        needs.library("usr/lib/*/no.so", "its-package")


def test_a_driver():
    with pytest.raises(pytest.skip.Exception, match="no_driver is missing: pip install"):
        needs.driver("no_driver")


def test_a_service():
    port = needs.free_port()
    with pytest.raises(pytest.skip.Exception, match=f"Oracle is missing: nothing.*{port}"):
        needs.service("Oracle", port)
