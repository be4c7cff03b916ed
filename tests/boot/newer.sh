#!/bin/sh
# Make a newer version of a package with a changed configuration: newer.sh OLD.deb NEW.deb
set -e
folder=$(mktemp -d)
dpkg-deb --raw-extract "$1" "$folder"
sed -i 's/^Version: .*/Version: 999/' "$folder/DEBIAN/control"
echo '# A newer default.' >> "$folder/etc/auricle/auricle.yaml"
dpkg-deb -Znone --build "$folder" "$2" > /dev/null
rm -r "$folder"
