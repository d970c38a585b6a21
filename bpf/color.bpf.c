// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * color.bpf.c - dye the packets a task asked for
 *
 * Hook:    tc on the host side of a vNIC, where the VM's packets come in.
 * Reads:   policies: filters with limits, found by the port.
 * Writes:  the packet's color; what came of each policy; one sighting per
 *          dyed packet, with the policies that had it dyed.
 * Returns: always TC_ACT_UNSPEC. Dyeing never decides a packet's fate.
 * Cost:    one array look-up where the port has no policy; the filters of
 *          the port's policies for a packet nobody asked for.
 *
 * What cannot be written to or recorded goes on undyed and is counted:
 * losing a record is allowed, losing a packet is not.
 */
#include "lib/bpf.h"
#include "lib/packet.h"
#include "lib/policy.h"

/* IP headers are aligned to 4 bytes: whole words spare copying byte by byte. */
static __always_inline void set_address(__u64 *address, const __u8 *bytes)
{
	const __u32 *from = (const __u32 *)bytes;
	__u32 *to = (__u32 *)address;

	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
	to[3] = from[3];
}

static __always_inline void set_mapped(__u64 *address, const __u8 *bytes)
{
	__u32 *to = (__u32 *)address;

	address[0] = 0;
	to[2] = bpf_htonl(0xffff);
	to[3] = *(const __u32 *)bytes;
}

/* Fill in the flow from the headers; ip's extension headers get skipped. */
static __always_inline enum parsed read_flow(const struct view *view, struct flow *flow,
					     struct ip_header *ip)
{
	enum parsed parsed = read_ip(view, 0, ip);
	const __u8 *bytes;

	if (parsed != PARSED)
		return parsed;
	flow->version = ip->version;
	flow->tos = ip->tos;
	if (ip->version == 4) {
		bytes = at(view, 0, IPV4_BYTES);
		if (!bytes)
			return CUT_SHORT;
		set_mapped(flow->src, bytes + 12);
		set_mapped(flow->dst, bytes + 16);
	} else {
		bytes = at(view, 0, IPV6_BYTES);
		if (!bytes)
			return CUT_SHORT;
		set_address(flow->src, bytes + 8);
		set_address(flow->dst, bytes + 24);
		if (skip_extensions(view, ip) != PARSED)
			return CUT_SHORT;
	}
	flow->protocol = ip->protocol;
	flow->has_ports = has_ports(ip);
	if (!flow->has_ports)
		return PARSED;
	bytes = at(view, ip->payload, 4);
	if (!bytes) {
		flow->has_ports = false;
		return CUT_SHORT;
	}
	flow->src_port = read_u16(bytes);
	flow->dst_port = read_u16(bytes + 2);
	return PARSED;
}

/*
 * Make a number any number to the verifier, which else would follow every
 * combination of policies. `any` must be one it does not know.
 */
static __always_inline __u64 opaque(__u64 number, __u64 any)
{
	asm volatile("%0 += %1; %0 -= %1" : "+r"(number) : "r"(any));
	return number;
}

/* Inlined: on CPUs that must guard every return, calls are what costs. */
static __always_inline __u64 policies_that_want(__u64 candidates, const struct flow *flow)
{
	__u64 wanting = opaque(0, candidates);
	__u32 slot;

	for (slot = 0; slot < DYE_POLICIES; slot++) {
		__u64 rest = candidates >> slot;

		if (!rest)
			break;
		if ((rest & 1) && policy_wants(slot, flow))
			wanting |= opaque(1ull << slot, candidates);
	}
	return wanting;
}

/* Global, so that what it returns is any number to the verifier. */
__noinline __u64 policies_that_grant(__u64 wanting, struct flow *flow)
{
	__u64 granting = 0;
	__u32 slot;

	for (slot = 0; slot < DYE_POLICIES; slot++) {
		__u64 rest = wanting >> slot;

		if (!rest)
			break;
		if ((rest & 1) && policy_grants(slot, flow))
			granting |= 1ull << slot;
	}
	return granting;
}

__noinline int refund(__u64 granting)
{
	__u32 slot;

	for (slot = 0; slot < DYE_POLICIES; slot++) {
		__u64 rest = granting >> slot;

		if (!rest)
			break;
		if (rest & 1)
			policy_refunds(slot);
	}
	return 0;
}

/*
 * Color a packet that policies of this port want. Global, so that
 * the verifier looks at it once, and not once for every way to call them.
 */
__noinline int color(struct __sk_buff *skb, __u64 wanting, struct flow *flow)
{
	struct scratch *scratch = get_scratch();
	__u32 netns = netns_of(skb);
	struct dye_port port = { .netns = netns, .ifindex = skb->ifindex };
	__u64 *of_port, granting;
	struct ip_header ip;
	struct view view;
	__u32 length, packet_bytes;
	int offset;

	if (!scratch || !flow)
		return 0;
	of_port = bpf_map_lookup_elem(&policies_by_port, &port);
	if (!of_port)
		return 0;
	flow->now_ns = bpf_ktime_get_ns();
	granting = policies_that_grant(wanting & *of_port, flow);
	if (!granting)
		return 0;
	offset = ip_offset(skb);
	length = offset < 0 ? 0 : load_window(skb, offset, scratch);
	view = view_of_window(scratch, length);
	packet_bytes = skb->len - offset;
	if (!length || read_ip(&view, 0, &ip) != PARSED ||
	    !set_dscp(skb, offset, ip.version, scratch->window,
		      knobs.color_of[(flow->tos >> 2) & (DYE_DSCP_VALUES - 1)])) {
		refund(granting);
		count(DYE_NOT_COLORED);
		return 0;
	}
	skip_extensions(&view, &ip);
	describe(scratch, &view, &ip);
	scratch->sighting.policies = granting;
	scratch->sighting.netns = netns;
	scratch->sighting.ifindex = skb->ifindex;
	scratch->sighting.length = packet_bytes;
	scratch->sighting.gso_size = skb->gso_size;
	scratch->sighting.point = DYE_INGRESS;
	scratch->sighting.dscp = flow->tos >> 2;
	emit(scratch);
	return 0;
}

/* Headers that are not linear: read the flow from a copy of them. */
__noinline int read_flow_from_copy(struct __sk_buff *skb, struct flow *flow)
{
	struct scratch *scratch = get_scratch();
	int offset = ip_offset(skb);
	struct ip_header ip;
	struct view view;
	__u32 length;

	if (!scratch || !flow || offset < 0)
		return NOT_IP;
	length = load_window(skb, offset, scratch);
	if (!length)
		return NOT_IP;
	view = view_of_window(scratch, length);
	/* The packet ends here: what was read of it is all there is. */
	return read_flow(&view, flow, &ip);
}

SEC("tc")
int dye_color(struct __sk_buff *skb)
{
	__u32 bucket = skb->ifindex % DYE_IFINDEX_BUCKETS;
	__u64 *candidates = bpf_map_lookup_elem(&policies_by_ifindex, &bucket);
	struct flow flow = {};
	struct ip_header ip;
	enum parsed parsed;
	struct view view;
	__u64 wanting;

	if (!candidates || !*candidates)
		return TC_ACT_UNSPEC;
	parsed = view_of_packet(skb, &view);
	if (parsed == PARSED)
		parsed = read_flow(&view, &flow, &ip);
	if (parsed == CUT_SHORT)
		parsed = read_flow_from_copy(skb, &flow);
	if (parsed == NOT_IP || !flow.version)
		return TC_ACT_UNSPEC;
	wanting = policies_that_want(*candidates, &flow);
	if (wanting)
		color(skb, wanting, &flow);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Dual BSD/GPL";
