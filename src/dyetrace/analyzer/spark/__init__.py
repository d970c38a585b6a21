"""Spark Structured Streaming as the engine.

source    the record log as a streaming source, with offsets
operator  a share of the log as the state of one key, its partition
job       the query: source, operator, sink
"""
