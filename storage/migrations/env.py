"""Alembic's way in. The connection and its transaction are the caller's."""

from alembic import context

from storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,  # Alembic thinks SQLite cannot; with our own BEGIN IMMEDIATE it can
)
context.run_migrations()
