/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse.h - read IP headers
 *
 * A view is what headers are read from: a packet's linear data (the fast way),
 * or a window, the copy of its first bytes (when the packet is worth a copy,
 * or its headers are not linear). Offsets count from the outermost IP header.
 * Everything here is inlined, so each kind of view gets code of its own.
 */
#ifndef DYE_PARSE_H
#define DYE_PARSE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>

#define ETH_P_8021AD_TAG 0x88a8
#define VLAN_TAGS 2
#define VLAN_TAG_BYTES 4
#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define IPV6_EXTENSIONS 6	/* more than that is nobody's honest packet */
#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV6_FRAGMENT_OFFSET 0xfff8
#define IPV6_ROUTING_SRH 4
#define NEXT_HEADER_ETHERNET 143
#define HEADERS_END 1024	/* no header of interest lies beyond */

enum parsed {
	PARSED = 0,
	NOT_IP,
	CUT_SHORT,		/* the view ends before the headers do */
};

struct view {
	const __u8 *start;	/* the outermost IP header */
	const void *end;	/* of a packet's linear data */
	__u32 length;		/* of a window */
	bool is_window;
};

struct ip_header {
	__u32 offset;
	__u32 payload;		/* where the next header begins */
	__u8 version;
	__u8 tos;		/* IPv6: traffic class */
	__u8 protocol;		/* of the payload */
	bool is_later_fragment;	/* its payload does not begin with a header */
	bool has_srh;
	bool is_cut;		/* the view ends before the payload begins */
};

/* The bytes at an offset, or NULL if the view does not hold all of them. */
static __always_inline const __u8 *at(const struct view *view, __u32 offset, __u32 size)
{
	const __u8 *bytes;

	if (view->is_window) {
		/* Check and use one register: the verifier does not relate two. */
		barrier_var(offset);
		if (offset > DYE_HEAD_BYTES - size || offset + size > view->length)
			return NULL;
		return view->start + offset;
	}
	if (offset > HEADERS_END)
		return NULL;
	bytes = view->start + offset;
	if ((const void *)(bytes + size) > view->end)
		return NULL;
	return bytes;
}

static __always_inline __u16 read_u16(const __u8 *bytes)
{
	return bytes[0] << 8 | bytes[1];
}

static __always_inline bool is_vlan(__u16 ether_type)
{
	return ether_type == ETH_P_8021Q || ether_type == ETH_P_8021AD_TAG;
}

static __always_inline bool is_ip(__u16 ether_type)
{
	return ether_type == ETH_P_IP || ether_type == ETH_P_IPV6;
}

/* Read the fixed part of the IP header at offset. */
static __always_inline enum parsed read_ip(const struct view *view, __u32 offset,
					   struct ip_header *ip)
{
	const __u8 *bytes = at(view, offset, IPV4_BYTES);

	if (!bytes)
		return CUT_SHORT;
	ip->offset = offset;
	ip->version = bytes[0] >> 4;
	ip->has_srh = false;
	ip->is_cut = false;
	if (ip->version == 4) {
		__u32 header_bytes = (bytes[0] & 0xf) * 4;

		if (header_bytes < IPV4_BYTES)
			return NOT_IP;
		ip->tos = bytes[1];
		ip->protocol = bytes[9];
		ip->payload = offset + header_bytes;
		ip->is_later_fragment = read_u16(bytes + 6) & IPV4_FRAGMENT_OFFSET;
		return PARSED;
	}
	if (ip->version == 6) {
		ip->tos = bytes[0] << 4 | bytes[1] >> 4;
		ip->protocol = bytes[6];
		ip->payload = offset + IPV6_BYTES;
		ip->is_later_fragment = false;
		return PARSED;
	}
	return NOT_IP;
}

/* Step over IPv6 extension headers, to what they carry. */
static __always_inline enum parsed skip_extensions(const struct view *view, struct ip_header *ip)
{
	const __u8 *bytes;
	int i;

	if (ip->version != 6)
		return PARSED;
	for (i = 0; i < IPV6_EXTENSIONS && !ip->is_later_fragment; i++) {
		if (ip->protocol != IPPROTO_ROUTING && ip->protocol != IPPROTO_HOPOPTS &&
		    ip->protocol != IPPROTO_DSTOPTS && ip->protocol != IPPROTO_FRAGMENT)
			return PARSED;
		bytes = at(view, ip->payload, 4);
		if (!bytes) {
			ip->is_cut = true;
			return CUT_SHORT;
		}
		if (ip->protocol == IPPROTO_FRAGMENT) {
			ip->is_later_fragment = read_u16(bytes + 2) & IPV6_FRAGMENT_OFFSET;
			ip->payload += 8;
		} else {
			if (ip->protocol == IPPROTO_ROUTING && bytes[2] == IPV6_ROUTING_SRH)
				ip->has_srh = true;
			ip->payload += 8 + bytes[1] * 8;
		}
		ip->protocol = bytes[0];
	}
	return PARSED;
}

/* Whether ip's payload begins with two ports. */
static __always_inline bool has_ports(const struct ip_header *ip)
{
	return !ip->is_later_fragment &&
	       (ip->protocol == IPPROTO_TCP || ip->protocol == IPPROTO_UDP ||
		ip->protocol == IPPROTO_SCTP);
}

/* How long the layer 4 header is; 0 where it has none that we know. */
static __always_inline enum parsed layer4_bytes(const struct view *view,
						const struct ip_header *ip, __u32 *length)
{
	const __u8 *bytes;

	*length = 0;
	if (ip->is_later_fragment)
		return PARSED;
	switch (ip->protocol) {
	case IPPROTO_TCP:
		bytes = at(view, ip->payload, 20);
		if (!bytes)
			return CUT_SHORT;
		*length = (bytes[12] >> 4) * 4;
		return PARSED;
	case IPPROTO_UDP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		*length = 8;
		return PARSED;
	case IPPROTO_SCTP:
		*length = 12;
		return PARSED;
	default:
		return PARSED;
	}
}

#endif /* DYE_PARSE_H */
