"""The lab: clouds made of network namespaces, traffic through them, and faults to find.

The product does not know its lab. What the two share is the file that `lab up`
writes below /run/dyetrace/clouds, which says where the agents and the VMs are.
"""
