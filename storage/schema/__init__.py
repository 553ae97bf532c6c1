"""The schema of the database: which migrations it has, who may migrate it, and how rows are counted again."""
