"""The submitted AI output: types, schemas, tables and limits."""
