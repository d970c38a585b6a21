"""Records -> packets -> paths -> partials -> verdict: pure, no I/O, no clock.

packets      which records are of the same packet, and which packets fared alike
occurrences  packets that look alike
forest       which record followed which
paths        the branch that counts, and the packet's fate
segments     TCP packets that were split or merged between two hops
partial      what is known of the tasks so far; partials merge in any order
analyze      all of these: records -> partial
losses       where packets were lost, and which losses cannot be called that
report       paths as people read them
judge        the verdict
"""
