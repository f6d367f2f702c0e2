#!/bin/sh
# build.sh WHEELS: build the project's wheel from the working directory into the folder WHEELS.
set -eu
exec "${PYTHON:-python3}" -m pip wheel --quiet --disable-pip-version-check --no-cache-dir \
    --no-deps --wheel-dir "$1" .
