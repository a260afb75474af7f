"""The embedded API server's parts: store, life of objects, patches, schemas and what is read from them."""
