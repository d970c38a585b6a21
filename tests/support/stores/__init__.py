"""What holds for the store in whatever database: run on SQLite and on PostgreSQL."""
