#!/usr/bin/python3 -IS
"""The command `auricle` of the Debian package: puts its own libraries before the system's.

The option -S leaves the import of `site` to this file, so that Ctrl-C during it gives no traceback.
"""

try:
    import os
    import site
    import sys

    site.main()
    libraries = "/usr/lib/auricle/python{}.{}".format(*sys.version_info)
    if not os.path.isdir(libraries):
        sys.exit(
            f"auricle: {libraries} is missing: this package has no libraries for the Python of "
            "this system; install one made for its release of Debian"
        )
    sys.path.insert(0, libraries)

    from auricle.cli.start import start
except KeyboardInterrupt:
    raise SystemExit(130) from None

start()
