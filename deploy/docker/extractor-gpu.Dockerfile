# syntax=docker/dockerfile:1
# ExtractorService on NVIDIA GPUs: docker build -f deploy/docker/extractor-gpu.Dockerfile -t agent-memory-extractor-gpu .
#
# torch brings the CUDA libraries; the node brings the driver and the container runtime.
# Another model: --build-arg MODEL=org/name MODEL_REVISION=<commit> MODEL_SHA256=<of its weights>.
ARG PYTHON=python:3.11.13-slim-bookworm@sha256:86adf8dbadc3d6e82ee5dd2c74bec2e1c2467cdad47886280501df722372d2e1

FROM ${PYTHON} AS build
# More of the project's extras: --build-arg EXTRAS=tracing.
ARG EXTRAS=""
ARG MODEL=bundled
ARG MODEL_REVISION=""
ARG MODEL_SHA256=""
ENV HF_HOME=/opt/models EXTRACTOR_MODEL=${MODEL} \
    EXTRACTOR_MODEL_REVISION=${MODEL_REVISION} EXTRACTOR_MODEL_SHA256=${MODEL_SHA256}
WORKDIR /source
COPY . .
RUN deploy/docker/build.sh /wheels \
 && deploy/docker/install.sh /opt/agent-memory /wheels requirements.txt cuda \
 && deploy/docker/bake-model.sh /opt/agent-memory

FROM ${PYTHON}
ARG MODEL=bundled
ARG MODEL_REVISION=""
ARG MODEL_SHA256=""
RUN --mount=type=bind,source=deploy/docker,target=/steps /steps/strip.sh
COPY --from=build /opt/agent-memory /opt/agent-memory
COPY --from=build /opt/models /opt/models
# The model is in the image: what is not there is not looked for elsewhere.
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HF_HOME=/opt/models HF_HUB_OFFLINE=1 \
    EXTRACTOR_MODEL=${MODEL} EXTRACTOR_MODEL_REVISION=${MODEL_REVISION} \
    EXTRACTOR_MODEL_SHA256=${MODEL_SHA256}
# Numbers, so that Kubernetes can tell that this is not root.
USER 65532:65532
WORKDIR /
ENV EXTRACTOR_DEVICE=cuda NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
EXPOSE 50052 9465
ENTRYPOINT ["/opt/agent-memory/bin/agent-memory-extractor"]
