#!/bin/sh
# strip.sh: take out of a base image what only a build needs. Runs as root, in the image alone.
set -eu
python3 -m pip uninstall --quiet --yes --root-user-action=ignore setuptools wheel pip
rm -rf /root/.cache /usr/local/lib/python3*/ensurepip /tmp/* /var/cache/apt /var/lib/apt/lists/*
