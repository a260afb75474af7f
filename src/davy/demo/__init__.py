"""`davy demo`: a good and a bad release on the embedded cluster, under load, told and judged."""
