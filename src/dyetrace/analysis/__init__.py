"""Records -> packets -> paths -> partials -> verdict: pure, no I/O, no clock.

columns      records by column
packets      which records are of the same packet, and which packets fared alike
counting     records -> tally
tally        packets counted by task and way
merging      tallies added
joiner       records held until their packet is over
latecomers   records that come after that
partition    joiner and counting: what every engine keeps of one partition
occurrences  packets that look alike
forest       which record followed which
paths        the branch that counts, and the packet's fate
segments     TCP packets that were split or merged between two hops
cut_short    drops that lack their packet's digest
analyze      tally -> partial
partial      what is known of the tasks so far, told as paths
histogram    delays, counted
sample       what is remembered of packets besides their way
losses       where packets were lost
unknowns     which losses cannot be called that, and why
circle       VFDs that route a packet to each other
contrast     what lost packets have in common that delivered ones have not
summary      the answer in one sentence
report       paths as people read them
judge        the verdict
"""
