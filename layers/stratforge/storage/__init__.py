"""PostgreSQL: connections, migrations, and one repository per subject. All SQL of the product is in here."""
