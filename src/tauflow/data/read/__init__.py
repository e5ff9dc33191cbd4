"""Reading one table: a text, a Parquet file or a frame in; typed columns, then series, out."""
