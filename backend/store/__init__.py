"""The only room with SQL. `database` runs transactions, `schema` shapes the tables, the rest is a table family each."""
