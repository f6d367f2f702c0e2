#!/bin/sh
# bake-model.sh ENVIRONMENT: make sure that the environment's ExtractorService finds its embedding
# model without a network, and that the weights are the ones meant.
#
# The model is chosen as at run time, by EXTRACTOR_MODEL, EXTRACTOR_MODEL_REVISION and
# EXTRACTOR_MODEL_SHA256. The bundled one is a package and its hash is known; any other is fetched
# into HF_HOME, at a commit and with a hash that the build names.
set -eu
if [ "${EXTRACTOR_MODEL:-bundled}" != bundled ]; then
    case ${EXTRACTOR_MODEL_REVISION:-} in
    "" | *[!0-9a-f]*) echo "bake-model.sh: MODEL_REVISION is a commit in hex" >&2; exit 2 ;;
    esac
    if [ -z "${EXTRACTOR_MODEL_SHA256:-}" ]; then
        echo "bake-model.sh: MODEL_SHA256 is the hash that the weights must have" >&2
        exit 2
    fi
fi
mkdir -p "$HF_HOME"
"$1/bin/python" -I -c '
from extractor_service.model import locate
from extractor_service.settings import ExtractorSettings

files = locate(ExtractorSettings().model_choice)
print(f"model {files.name}, weights {files.sha256}")
'
