#!/usr/bin/python3 -I
"""The command `auricle` of the Debian package: puts its own libraries before the system's."""

import os
import sys

LIBRARIES = "/usr/lib/auricle/python{}.{}".format(*sys.version_info)

if not os.path.isdir(LIBRARIES):
    sys.exit(
        f"auricle: {LIBRARIES} is missing: this package has no libraries for the Python of this "
        "system; install one made for its release of Debian"
    )
sys.path.insert(0, LIBRARIES)

from auricle.cli.main import main  # noqa: E402

sys.exit(main())
