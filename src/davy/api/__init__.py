"""The words: Flagger's three resources as frozen values, with decoding, validation and schemas."""
