/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * policy.h - whether a policy wants a packet, and whether it may still color one
 */
#ifndef DYE_POLICY_H
#define DYE_POLICY_H

#include "knobs.h"
#include "parse.h"

#define COUNT_ATTEMPTS 16	/* each failed one means that another CPU got on */
#define TOKEN_ATTEMPTS 4

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DYE_POLICIES);
	__type(key, __u32);
	__type(value, struct dye_policy);
} policies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DYE_POLICIES);
	__type(key, __u32);
	__type(value, struct dye_policy_state);
} policy_states SEC(".maps");

/* Which policies a port may have, by ifindex modulo the number of buckets. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DYE_IFINDEX_BUCKETS);
	__type(key, __u32);
	__type(value, __u64);
} policies_by_ifindex SEC(".maps");

/* Which policies a port has: ifindexes repeat between namespaces. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct dye_port);
	__type(value, __u64);
} policies_by_port SEC(".maps");

struct flow {
	__u64 src[2];		/* as in struct dye_policy */
	__u64 dst[2];
	__u64 now_ns;
	__u16 src_port;
	__u16 dst_port;
	__u8 version;
	__u8 protocol;
	__u8 tos;
	__u8 has_ports;
};

static __always_inline bool same_prefix(const __u64 *address, const __u8 *wanted, const __u8 *mask)
{
	const __u64 *prefix = (const __u64 *)wanted;
	const __u64 *bits = (const __u64 *)mask;

	return !(((address[0] ^ prefix[0]) & bits[0]) | ((address[1] ^ prefix[1]) & bits[1]));
}

/*
 * Whether a policy's filter wants the flow. User space rewrites a slot with
 * its expiry set to 0: an expiry that has changed means that what was
 * compared may be half of each. The time is left to policy_grants: asking the
 * clock costs more than all of this.
 */
static __always_inline bool policy_wants(__u32 slot, const struct flow *flow)
{
	struct dye_policy *policy = bpf_map_lookup_elem(&policies, &slot);
	__u64 expires_ns;

	if (!policy)
		return false;
	expires_ns = *(volatile __u64 *)&policy->expires_ns;
	if (!expires_ns)
		return false;
	if (policy->family && policy->family != flow->version)
		return false;
	if (policy->protocol && policy->protocol != flow->protocol)
		return false;
	if (policy->flags && !flow->has_ports)
		return false;
	if ((policy->flags & DYE_MATCH_SRC_PORT) && policy->src_port != flow->src_port)
		return false;
	if ((policy->flags & DYE_MATCH_DST_PORT) && policy->dst_port != flow->dst_port)
		return false;
	if (!same_prefix(flow->src, policy->src, policy->src_mask) ||
	    !same_prefix(flow->dst, policy->dst, policy->dst_mask))
		return false;
	return *(volatile __u64 *)&policy->expires_ns == expires_ns;
}

/* Token bucket as GCRA: one number says when the next packet is due. */
static __always_inline bool take_token(struct dye_policy *policy, struct dye_policy_state *state,
				       __u64 now_ns)
{
	int i;

	if (!policy->interval_ns)
		return true;
	for (i = 0; i < TOKEN_ATTEMPTS; i++) {
		__u64 due_ns = *(volatile __u64 *)&state->due_ns;
		__u64 from_ns = due_ns > now_ns ? due_ns : now_ns;

		if (from_ns - now_ns > policy->burst_ns)
			return false;
		if (__sync_val_compare_and_swap(&state->due_ns, due_ns,
						from_ns + policy->interval_ns) == due_ns)
			return true;
	}
	return false;
}

static __always_inline bool take_count(struct dye_policy *policy, struct dye_policy_state *state)
{
	int i;

	for (i = 0; i < COUNT_ATTEMPTS; i++) {
		__u64 colored = *(volatile __u64 *)&state->colored;

		if (colored >= policy->packet_count)
			return false;
		if (__sync_val_compare_and_swap(&state->colored, colored, colored + 1) == colored)
			return true;
	}
	return false;
}

/*
 * Whether a policy may color this packet that it wants; if so it is counted.
 * Global, so that the verifier looks at it once and not once per slot.
 */
__noinline int policy_grants(__u32 slot, struct flow *flow)
{
	struct dye_policy *policy = bpf_map_lookup_elem(&policies, &slot);
	struct dye_policy_state *state = bpf_map_lookup_elem(&policy_states, &slot);

	if (!policy || !state || !flow || policy->expires_ns <= flow->now_ns)
		return 0;
	if (*(volatile __u64 *)&state->colored >= policy->packet_count)
		return 0;
	__sync_fetch_and_add(&state->matched, 1);
	if (is_color(flow->tos)) {
		__sync_fetch_and_add(&state->already_colored, 1);
		return 0;
	}
	if (knobs.color_of[flow->tos >> 2] == DYE_NO_CLASS) {
		__sync_fetch_and_add(&state->uncolorable, 1);
		return 0;
	}
	if (!take_token(policy, state, flow->now_ns)) {
		__sync_fetch_and_add(&state->limited, 1);
		return 0;
	}
	return take_count(policy, state);
}

/* Undo a grant that could not be used. */
__noinline int policy_refunds(__u32 slot)
{
	struct dye_policy_state *state = bpf_map_lookup_elem(&policy_states, &slot);

	if (state)
		__sync_fetch_and_add(&state->colored, -1);
	return 0;
}

#endif /* DYE_POLICY_H */
