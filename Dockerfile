# One image for all services of ours; docker-compose.yml says which module a container runs.

FROM python:3.13-slim AS build
COPY requirements-services.lock /build/
RUN python -m venv --without-pip /venv \
 && pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check --only-binary :all: \
      --require-hashes -r /build/requirements-services.lock
COPY . /app/
# The file system is read-only when it runs, so bytecode is made here; its hashes spare a look at every source's time.
RUN python -m compileall -q --invalidation-mode unchecked-hash /app

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# A named volume on /data begins with this folder and its owner.
RUN install -d -o 10001 -g 10001 -m 0750 /data
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER 10001:10001
CMD ["python", "-m", "cli", "--help"]
