"""The tables of ClickHouse: their migrations, bulk inserts, and what is read from them."""
