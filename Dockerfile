# One process, one volume. Everything that must survive is in /data: the database and the key that opens it.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    BOT_HOST=0.0.0.0 \
    BOT_DATA_DIR=/data \
    BOT_DATABASE_URL=sqlite+aiosqlite:////data/bot.db

WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt

COPY pyproject.toml LICENSE ./
COPY bot bot
COPY handlers handlers
COPY storage storage
COPY locales locales
# Compiled here, because the user that runs it may write nowhere but in /data.
RUN python -m compileall -q bot handlers storage \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin most \
    && install -d -o most -g most -m 0700 /data

USER most
VOLUME /data
EXPOSE 8080
HEALTHCHECK --start-period=20s CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('BOT_PORT', '8080') + '/healthz', timeout=3)"]
CMD ["python", "-m", "bot"]
