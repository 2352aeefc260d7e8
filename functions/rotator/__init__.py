"""New passwords for the roles of the database, each month."""
