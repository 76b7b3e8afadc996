from __future__ import annotations

import sys

from tests.reporting import host

try:
    host.main(sys.argv[1])
finally:
    host.VENDOR.close()
