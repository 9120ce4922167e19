# One image for every process: `review web`, `review worker`, `review migrate`.
FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/countersign
ENV PATH=/opt/countersign/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY review review
COPY workers workers
COPY templates templates
COPY migrations migrations
RUN pip install --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN groupadd --gid 10001 countersign \
 && useradd --uid 10001 --gid countersign --create-home --shell /usr/sbin/nologin countersign
COPY --from=build /opt/countersign /opt/countersign
ENV PATH=/opt/countersign/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    REVIEW_HOST=0.0.0.0 REVIEW_PORT=8400
USER 10001:10001
WORKDIR /home/countersign
EXPOSE 8400
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8400/healthz', timeout=4)"]
ENTRYPOINT ["review"]
CMD ["web"]
