# Production. One image runs everything: web, worker, beat and the migrations (docker-compose.yml).

FROM python:3.12-slim-bookworm AS build
WORKDIR /app
COPY requirements.lock ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --requirement requirements.lock
COPY . .
# Static files are named by their contents. Collecting them needs settings, but no secret and no service.
RUN SECRET_KEY=only-while-building SITE_URL=https://localhost ALLOWED_HOSTS=localhost \
        DATABASE_URL=postgres://localhost/kppay REDIS_URL=redis://localhost EMAIL_URL=dummymail:// \
        DJANGO_SETTINGS_MODULE=kppay.settings.production \
        /venv/bin/python manage.py collectstatic --no-input

FROM python:3.12-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        fonts-dejavu-core libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home kppay \
    && install --directory --owner kppay /var/lib/kppay
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER kppay
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=kppay.settings.production \
    MEDIA_ROOT=/var/lib/kppay/media
EXPOSE 8000
CMD ["gunicorn", "kppay.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "8", "--no-control-socket"]
