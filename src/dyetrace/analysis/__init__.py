"""Records -> packets -> paths -> partials -> verdict: pure, no I/O, no clock.

packets      which records are of the same packet, and which packets fared alike
occurrences  packets that look alike
forest       which record followed which
paths        the branch that counts, and the packet's fate
segments     TCP packets that were split or merged between two hops
partial      what is known of the tasks so far; partials merge in any order
analyze      all of these: records -> partial
sample       what is remembered of packets besides their way
losses       where packets were lost
unknowns     which losses cannot be called that, and why
circle       VFDs that route a packet to each other
contrast     what lost packets have in common that delivered ones have not
summary      the answer in one sentence
report       paths as people read them
judge        the verdict
"""
