from __future__ import annotations

import sys

from . import host

try:
    host.main(sys.argv[1])
finally:
    host.VENDOR.close()
