"""The embedded cluster's node: runs pods as processes of this machine; a plain client of the API server."""
