"""Run by Alembic; the connection, with its transaction, is the caller's."""

from alembic import context

from relaxd.service.store._tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
