#!/bin/sh
# relaxd.sh: installs relaxd itself, compiles what it imports, and lists all that is installed.
set -eu
cd "$(dirname "$0")/../.."
/tools/bin/pip --python /opt/relaxd install --no-index --no-deps --no-compile --no-cache-dir \
    --force-reinstall /wheel/*.whl
/opt/relaxd/bin/python -B docker/image/compile.py
mkdir -p /usr/share/relaxd
/tools/bin/cyclonedx-py environment --output-reproducible \
    --output-file /usr/share/relaxd/sbom.json /opt/relaxd/bin/python
