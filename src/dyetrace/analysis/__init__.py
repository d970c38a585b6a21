"""Records -> packets -> paths -> partials -> verdict: pure, no I/O, no clock.

packets    which records are of the same packet (numpy, all at once)
forest     which record followed which (one packet, or several alike)
paths      the branch that counts, and the packet's fate
partial    what is known of a task so far; partials merge in any order
segments   TCP packets that were split or merged between two hops
joiner     holds records back until their packets' paths must be complete
judge      the verdict
"""
