"""The edges' languages: messages between processes, blobs of records, the answer's JSON."""
