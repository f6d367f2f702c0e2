# syntax=docker/dockerfile:1
# MemoryService: docker build -f deploy/docker/memory.Dockerfile -t agent-memory .
#
# The steps are scripts, which tests/deploy/test_images.py runs too. The digest is that of the
# multi-platform index of this tag; check it with `docker buildx imagetools inspect`.
ARG PYTHON=python:3.11.13-slim-bookworm@sha256:86adf8dbadc3d6e82ee5dd2c74bec2e1c2467cdad47886280501df722372d2e1

FROM ${PYTHON} AS build
# More of the project's extras: --build-arg EXTRAS=tracing.
ARG EXTRAS=""
WORKDIR /source
COPY . .
RUN deploy/docker/build.sh /wheels \
 && deploy/docker/install.sh /opt/agent-memory /wheels requirements.txt none

FROM ${PYTHON}
RUN --mount=type=bind,source=deploy/docker,target=/steps /steps/strip.sh
COPY --from=build /opt/agent-memory /opt/agent-memory
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Numbers, so that Kubernetes can tell that this is not root.
USER 65532:65532
WORKDIR /
EXPOSE 50051 9464
ENTRYPOINT ["/opt/agent-memory/bin/agent-memory"]
