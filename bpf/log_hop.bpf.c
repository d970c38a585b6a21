// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * log_hop.bpf.c - report colored packets that pass an edge port
 *
 * Hook:    tc ingress and egress of a VFD's edge ports.
 * Reads:   the packet: its own DSCP, or that of the packet it encapsulates.
 * Writes:  one sighting per colored packet; with the knob restore also the
 *          packet's original DSCP, and its identity for log_drop.
 * Returns: always TC_ACT_UNSPEC. Looking never decides a packet's fate.
 * Cost:    for an undyed packet a few header bytes in place, no map.
 */
#include "lib/bpf.h"
#include "lib/packet.h"
#include "lib/restored.h"
#include "lib/tunnel.h"

/*
 * An inner IPv6 header has no checksum to balance its change, so the checksum
 * of the UDP or GRE header around it would break: leave the color then.
 * A UDP checksum of zero means that there is none.
 */
static __always_inline bool may_restore(const struct view *view, const struct colored *colored)
{
	struct ip_header outer = {};
	const __u8 *bytes;

	if (colored->ip.version == 4 || !colored->ip.offset)
		return true;
	if (read_ip(view, 0, &outer) != PARSED || skip_extensions(view, &outer) != PARSED)
		return false;
	bytes = at(view, outer.payload, UDP_BYTES);
	if (!bytes)
		return false;
	if (outer.protocol == IPPROTO_UDP)
		return !(bytes[6] | bytes[7]);
	if (outer.protocol == IPPROTO_GRE)
		return !(bytes[0] & GRE_CHECKSUM);
	return true;
}

/* Remember the packet: its queue, which comes after us, may still drop it. */
static __always_inline void remember(struct __sk_buff *skb, const struct view *view,
				     const struct colored *colored, __u32 netns, __u8 dscp)
{
	struct identity identity = { .netns = netns, .ifindex = skb->ifindex };
	struct restoration restoration = {
		.restored_ns = bpf_ktime_get_ns(),
		.inner_offset = colored->ip.offset,
		.encapsulation = colored->encapsulation,
		.dscp = dscp,
	};
	__u32 key = 0;

	if (!identify(view, &identity))
		return;
	bpf_map_update_elem(&restored, &identity, &restoration, BPF_ANY);
	bpf_map_update_elem(&last_restored_ns, &key, &restoration.restored_ns, BPF_ANY);
}

static __always_inline bool restore(struct __sk_buff *skb, __u32 offset, const struct view *view,
				    const struct colored *colored, __u32 netns, __u8 dscp)
{
	const __u8 *bytes = at(view, colored->ip.offset, 2);
	__u8 old[2];

	if (!bytes || !may_restore(view, colored)) {
		count(DYE_NOT_RESTORED);
		return false;
	}
	old[0] = bytes[0];
	old[1] = bytes[1];
	/* Before the change, so that no drop can come in between. */
	remember(skb, view, colored, netns, dscp);
	if (!set_dscp(skb, offset + colored->ip.offset, colored->ip.version, old, dscp)) {
		count(DYE_NOT_RESTORED);
		return false;
	}
	return true;
}

/* Global, so that the verifier does not look at it again for every way here. */
__noinline int log_packet(struct __sk_buff *skb, bool is_surely_dyed)
{
	struct scratch *scratch = get_scratch();
	struct colored colored = {};
	struct view view;
	__u32 length, packet_bytes;
	__u8 dscp = 0, flags = 0;
	__u32 netns;
	int offset;

	offset = ip_offset(skb);
	if (!scratch || offset < 0)
		return 0;
	length = load_window(skb, offset, scratch);
	if (length)
		find_colored(length, &colored);
	if (!colored.is_found) {
		if (is_surely_dyed)	/* but too deep for the window */
			count(DYE_UNREADABLE);
		return 0;
	}
	view = view_of_window(scratch, length);
	dscp = knobs.class_of[colored.ip.tos >> 2];
	netns = netns_of(skb);
	packet_bytes = skb->len - offset;
	if (knobs.restore && restore(skb, offset, &view, &colored, netns, dscp))
		flags |= DYE_RESTORED;
	describe(scratch, &view, &colored.ip);
	scratch->sighting.netns = netns;
	scratch->sighting.ifindex = skb->ifindex;
	scratch->sighting.length = packet_bytes;
	scratch->sighting.gso_size = skb->gso_size;
	scratch->sighting.point = knobs.point;
	scratch->sighting.dscp = dscp;
	scratch->sighting.encapsulation = colored.encapsulation;
	scratch->sighting.flags |= flags;
	emit(scratch);
	return 0;
}

/*
 * Whether an encapsulated packet carries a colored one itself. Global, as
 * log_packet is; so the view has to be taken anew.
 */
__noinline int is_dyed_deeper(struct __sk_buff *skb, __u32 offset)
{
	struct view view;
	__u32 deeper;

	if (view_of_packet(skb, &view) != PARSED)
		return NOT_IP;
	return is_dyed(&view, offset, &deeper);
}

SEC("tc")
int dye_log_hop(struct __sk_buff *skb)
{
	enum parsed parsed;
	struct view view;
	__u32 deeper = 0;

	parsed = view_of_packet(skb, &view);
	if (parsed == PARSED)
		parsed = is_dyed(&view, 0, &deeper);
	if (deeper)
		parsed = is_dyed_deeper(skb, deeper);
	if (parsed != NOT_IP)	/* dyed, or not linear enough to tell */
		log_packet(skb, parsed == PARSED);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Dual BSD/GPL";
