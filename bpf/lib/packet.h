/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packet.h - a tc program's packet: where its IP header is, and its DSCP
 */
#ifndef DYE_PACKET_H
#define DYE_PACKET_H

#include "emit.h"
#include "kernel_types.h"
#include "knobs.h"

/*
 * The view of a packet's linear data. PARSED also where only its start is
 * linear; CUT_SHORT if not even the link layer is.
 */
static __always_inline enum parsed view_of_packet(struct __sk_buff *skb, struct view *view)
{
	const __u8 *data = (const __u8 *)(long)skb->data;
	__u16 ether_type;
	int i;

	view->end = (const void *)(long)skb->data_end;
	view->is_window = false;
	view->length = 0;
	view->start = data;
	if (!knobs.link_layer_bytes)
		return PARSED;
	if ((const void *)(data + ETH_HLEN) > view->end)
		return CUT_SHORT;
	ether_type = read_u16(data + 12);
	data += ETH_HLEN;
#pragma unroll
	for (i = 0; i < VLAN_TAGS; i++) {
		if (!is_vlan(ether_type))
			break;
		if ((const void *)(data + VLAN_TAG_BYTES) > view->end)
			return CUT_SHORT;
		ether_type = read_u16(data + 2);
		data += VLAN_TAG_BYTES;
	}
	view->start = data;
	return is_ip(ether_type) ? PARSED : NOT_IP;
}

/* Where the IP header is in the packet, linear or not; negative if nowhere. */
static __always_inline int ip_offset(struct __sk_buff *skb)
{
	__u32 offset = knobs.link_layer_bytes;
	__u16 ether_type;
	int i;

	if (!offset)
		return 0;
	if (bpf_skb_load_bytes(skb, offset - 2, &ether_type, sizeof(ether_type)))
		return -1;
#pragma unroll
	for (i = 0; i < VLAN_TAGS; i++) {
		if (!is_vlan(bpf_ntohs(ether_type)))
			break;
		if (bpf_skb_load_bytes(skb, offset + 2, &ether_type, sizeof(ether_type)))
			return -1;
		offset += VLAN_TAG_BYTES;
	}
	return is_ip(bpf_ntohs(ether_type)) ? offset : -1;
}

/* Copy the packet's first bytes into the window; 0 if they cannot be read. */
static __always_inline __u32 load_window(struct __sk_buff *skb, __u32 offset,
					 struct scratch *scratch)
{
	__u32 length = skb->len - offset;

	if (skb->len <= offset)
		return 0;
	if (length > DYE_HEAD_BYTES)
		length = DYE_HEAD_BYTES;
	if (bpf_skb_load_bytes(skb, offset, scratch->window, length))
		return 0;
	return length;
}

/*
 * The namespace of the packet's device. A tc program's context is the
 * sk_buff itself: reading it like this works since 5.8, the kfunc made for it
 * (bpf_cast_to_kern_ctx) only since 6.2.
 */
static __always_inline __u32 netns_of(struct __sk_buff *skb)
{
	struct net_device *dev = NULL;

	bpf_probe_read_kernel(&dev, sizeof(dev),
			      (void *)skb + bpf_core_field_offset(struct sk_buff, dev));
	return netns_of_device(dev);
}

/*
 * Set the DSCP of the IP header at offset, keep its ECN. The checksum comes
 * first: it makes the header writable, so the store after it cannot fail and
 * leave the packet half changed. IPv4's two changes cancel out in skb->csum;
 * IPv6's one must be added to it.
 */
static __always_inline bool set_dscp(struct __sk_buff *skb, __u32 offset, __u8 version,
				     const __u8 *old, __u8 dscp)
{
	__u8 new[2] = { old[0], old[1] };

	if (version == 4) {
		new[1] = dscp << 2 | (old[1] & 3);
		if (bpf_l3_csum_replace(skb, offset + 10, bpf_htons(read_u16(old)),
					bpf_htons(read_u16(new)), sizeof(new)))
			return false;
		return !bpf_skb_store_bytes(skb, offset, new, sizeof(new), 0);
	}
	new[0] = (old[0] & 0xf0) | dscp >> 2;
	new[1] = (dscp & 3) << 6 | (old[1] & 0x3f);
	return !bpf_skb_store_bytes(skb, offset, new, sizeof(new), BPF_F_RECOMPUTE_CSUM);
}

#endif /* DYE_PACKET_H */
