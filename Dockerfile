# Three images from one file: `service` (CPU, no torch), `training`, `service-gpu`. docs/containers.md shows how to build and run them.
#
# BASE_IMAGE may be any Debian or Ubuntu with Python 3.11 or newer as `python3` and its venv module.
# Package index settings never enter an image: they come as the build secret `pip` (a pip.conf), present only while pip runs.
# PYTHONPATH: only dependencies are installed, the packages lie in /app, and the command `pofx` must find them.
# ORT_DISABLE_TELEMETRY: ONNX Runtime's published wheels report usage to their maker unless this is set before they load.
# The service's stages stand first because builders without a dependency graph build every stage up to the target.
ARG BASE_IMAGE=docker.io/library/python:3.11-slim-bookworm
ARG GPU_BASE_IMAGE=docker.io/nvidia/cuda:13.0.1-cudnn-runtime-ubuntu24.04

# --- base: what the CPU images and their virtual environments have in common -----------------------------------------------------
FROM ${BASE_IMAGE} AS base
RUN groupadd --gid 10001 pofx \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin pofx
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    PYTHONPATH=/app
WORKDIR /app

# --- venv: pip lives beside the virtual environment, so no image carries it in its own -------------------------------------------
FROM base AS venv
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /opt/venv
# The metadata alone, without a source file: this layer is made again only when a dependency changes.
COPY pyproject.toml constraints.txt ./
RUN touch README.md LICENSE

# --- source: readable whatever the checkout's umask was, byte-compiled because the running images write nothing -------------------
FROM base AS source
COPY LICENSE ./
COPY pofx pofx
COPY service service
COPY deploy/healthcheck.py deploy/
COPY models models
RUN chmod -R u=rwX,go=rX . && python3 -m compileall -q --invalidation-mode unchecked-hash pofx service

FROM venv AS service-venv
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/pip/bin/pip --python /opt/venv/bin/python install --constraint constraints.txt '.[service,parquet]'

# --- service ---------------------------------------------------------------------------------------------------------------------
FROM base AS service
COPY --from=service-venv /opt/venv /opt/venv
COPY --from=source /app /app
ENV SERVICE_HOST=0.0.0.0
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "deploy/healthcheck.py"]
ENTRYPOINT ["python", "-m", "service"]
LABEL org.opencontainers.image.title="pofx service" \
      org.opencontainers.image.description="Samples, calibrated anomaly scores and latent codes of generative models over HTTP" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"

# --- training --------------------------------------------------------------------------------------------------------------------
FROM venv AS training-venv
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/pip/bin/pip --python /opt/venv/bin/python install --constraint constraints.txt '.[training]'

FROM base AS training-source
COPY LICENSE ./
COPY pofx pofx
COPY training training
COPY recipes recipes
RUN chmod -R u=rwX,go=rX . && python3 -m compileall -q --invalidation-mode unchecked-hash pofx training \
 && install --directory --owner 10001 --group 10001 data models runs

FROM base AS training
COPY --from=training-venv /opt/venv /opt/venv
COPY --from=training-source /app /app
ENV MPLCONFIGDIR=/tmp/matplotlib
USER 10001:10001
ENTRYPOINT ["python", "-m", "training"]
CMD ["--help"]
LABEL org.opencontainers.image.title="pofx training" \
      org.opencontainers.image.description="Turns data into verified bundles of generative models" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"

# --- service-gpu: the same service on a base with the CUDA 13 and cuDNN 9 libraries that ONNX Runtime asks for ---------------------
FROM ${GPU_BASE_IMAGE} AS gpu-base
RUN python3 -c 'import ensurepip, venv' 2>/dev/null \
 || { apt-get update && apt-get install --yes --no-install-recommends python3 python3-venv && rm -rf /var/lib/apt/lists/*; }
RUN groupadd --gid 10001 pofx \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin pofx
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    PYTHONPATH=/app
WORKDIR /app

# Its own virtual environment: an environment belongs to the Python of its base, and this base may have another one.
FROM gpu-base AS gpu-venv
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /opt/venv
COPY pyproject.toml constraints.txt ./
RUN touch README.md LICENSE
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/pip/bin/pip --python /opt/venv/bin/python install --constraint constraints.txt '.[gpu,parquet]'

FROM gpu-base AS service-gpu
COPY --from=gpu-venv /opt/venv /opt/venv
COPY --from=source /app /app
ENV SERVICE_HOST=0.0.0.0 \
    SERVICE_DEVICE=cuda
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s --retries=3 \
    CMD ["python", "deploy/healthcheck.py"]
ENTRYPOINT ["python", "-m", "service"]
LABEL org.opencontainers.image.title="pofx service-gpu" \
      org.opencontainers.image.description="Samples, calibrated anomaly scores and latent codes of generative models over HTTP, on an NVIDIA GPU" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"

# A build that names no target gets the service.
FROM service
