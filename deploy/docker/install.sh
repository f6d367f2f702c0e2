#!/bin/sh
# install.sh ENVIRONMENT WHEELS REQUIREMENTS TORCH: install the wheel of the folder WHEELS into a
# new virtual environment that has no pip, at the versions that REQUIREMENTS pins.
#
# TORCH is none (MemoryService), cpu or cuda (ExtractorService). EXTRAS: more of the project's extras,
# separated by commas, such as tracing. Nothing is compiled: what has no wheel for this platform
# fails here, and so do a version that is not pinned and the wrong torch.
set -eu
environment=$1 wheels=$2 requirements=$3 torch=$4
here=$(dirname "$0")
python=${PYTHON:-python3}

case $torch in
none) extras="" ;;
cpu | cuda) extras="extractor" ;;
*) echo "install.sh: torch is none, cpu or cuda, not $torch" >&2; exit 2 ;;
esac
extras=$extras${EXTRAS:+${extras:+,}$EXTRAS}

"$python" -m venv --without-pip "$environment"
# TORCH_INDEX: another index to take torch from first, such as the one of wheels without CUDA.
if [ -n "${TORCH_INDEX:-}" ]; then
    "$python" -m pip --python "$environment/bin/python" install --quiet \
        --disable-pip-version-check --no-cache-dir --only-binary=:all: \
        --constraint "$requirements" --index-url "$TORCH_INDEX" torch
fi
"$python" -m pip --python "$environment/bin/python" install --quiet \
    --disable-pip-version-check --no-cache-dir --only-binary=:all: \
    --constraint "$requirements" "$(echo "$wheels"/agent_memory_grpc-*.whl)${extras:+[$extras]}"
"$environment/bin/python" -I "$here/check.py" "$requirements" "$torch"
