"""NATS JetStream as the log: replicated streams, one for each region and partition.

names          subjects and streams
server_config  who may do what, as a server's configuration
connecting     a connection, as whom and to where
streams        made once, with their replicas
publisher      an agent's side: spooled, numbered, acknowledged
region_log     an analyzer's side: reads from an offset, quarantines what cannot be read
"""
