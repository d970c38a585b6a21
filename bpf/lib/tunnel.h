/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tunnel.h - find the colored header, however deep it is encapsulated
 *
 * VXLAN and SRv6 do not copy the DSCP outward by default, so an undyed outer
 * header proves nothing. Where several headers are colored (a tunnel that
 * inherits the DSCP) the innermost of them is the packet that was dyed.
 * Looks at three IP headers: what is deeper than an overlay in an overlay is
 * the tenant's own business.
 */
#ifndef DYE_TUNNEL_H
#define DYE_TUNNEL_H

#include "emit.h"
#include "knobs.h"
#include "parse.h"

#define IP_HEADERS 3
#define UDP_BYTES 8
#define VXLAN_BYTES 8
#define VXLAN_HAS_VNI 0x08
#define GENEVE_BYTES 8
#define GENEVE_OPTIONS 0x3f	/* their length, in units of 4 bytes */
#define GRE_VERSION 0x07
#define GRE_CHECKSUM 0x80
#define GRE_KEY 0x20
#define GRE_SEQUENCE 0x10

enum encapsulation {		/* as Python's Encapsulation */
	ENCAPSULATION_NONE = 0,
	ENCAPSULATION_VXLAN,
	ENCAPSULATION_GENEVE,
	ENCAPSULATION_GRE,
	ENCAPSULATION_IPIP,
	ENCAPSULATION_SRV6,
};

struct colored {
	struct ip_header ip;
	__u8 encapsulation;	/* of the outermost header */
	bool is_found;
};

static __always_inline bool is_vxlan_port(__u16 port)
{
	bool found = false;
	int i;

#pragma unroll
	for (i = 0; i < DYE_VXLAN_PORTS; i++)
		found |= knobs.vxlan_ports[i] && port == knobs.vxlan_ports[i];
	return found;
}

static __always_inline bool is_tunnel_port(__u16 port)
{
	return is_vxlan_port(port) || (knobs.geneve_port && port == knobs.geneve_port);
}

/* From an inner Ethernet header at *offset to the IP header in it. */
static __always_inline enum parsed enter_ethernet(const struct view *view, __u32 *offset)
{
	const __u8 *bytes = at(view, *offset, ETH_HLEN);
	__u16 ether_type;
	int i;

	if (!bytes)
		return CUT_SHORT;
	ether_type = read_u16(bytes + 12);
	*offset += ETH_HLEN;
#pragma unroll
	for (i = 0; i < VLAN_TAGS; i++) {
		if (!is_vlan(ether_type))
			break;
		bytes = at(view, *offset, VLAN_TAG_BYTES);
		if (!bytes)
			return CUT_SHORT;
		ether_type = read_u16(bytes + 2);
		*offset += VLAN_TAG_BYTES;
	}
	return is_ip(ether_type) ? PARSED : NOT_IP;
}

static __always_inline enum parsed enter_protocol(const struct view *view, __u32 *offset,
						  __u16 ether_type)
{
	if (ether_type == ETH_P_TEB)
		return enter_ethernet(view, offset);
	return is_ip(ether_type) ? PARSED : NOT_IP;
}

static __always_inline enum parsed enter_udp(const struct view *view, __u32 *offset,
					     __u8 *encapsulation)
{
	const __u8 *udp = at(view, *offset, UDP_BYTES);
	const __u8 *bytes;
	__u16 port;

	if (!udp)
		return CUT_SHORT;
	port = read_u16(udp + 2);
	*offset += UDP_BYTES;
	if (is_vxlan_port(port)) {
		*encapsulation = ENCAPSULATION_VXLAN;
		bytes = at(view, *offset, VXLAN_BYTES);
		if (!bytes)
			return CUT_SHORT;
		if (!(bytes[0] & VXLAN_HAS_VNI))
			return NOT_IP;
		*offset += VXLAN_BYTES;
		return enter_ethernet(view, offset);
	}
	if (knobs.geneve_port && port == knobs.geneve_port) {
		*encapsulation = ENCAPSULATION_GENEVE;
		bytes = at(view, *offset, GENEVE_BYTES);
		if (!bytes)
			return CUT_SHORT;
		*offset += GENEVE_BYTES + (bytes[0] & GENEVE_OPTIONS) * 4;
		return enter_protocol(view, offset, read_u16(bytes + 2));
	}
	return NOT_IP;
}

static __always_inline enum parsed enter_gre(const struct view *view, __u32 *offset,
					     __u8 *encapsulation)
{
	const __u8 *bytes = at(view, *offset, 4);

	if (!bytes)
		return CUT_SHORT;
	if (bytes[1] & GRE_VERSION)
		return NOT_IP;
	*encapsulation = ENCAPSULATION_GRE;
	*offset += 4;
	if (bytes[0] & GRE_CHECKSUM)
		*offset += 4;
	if (bytes[0] & GRE_KEY)
		*offset += 4;
	if (bytes[0] & GRE_SEQUENCE)
		*offset += 4;
	return enter_protocol(view, offset, read_u16(bytes + 2));
}

/* From an IP header to the one it carries; NOT_IP if it carries none. */
static __always_inline enum parsed enter_tunnel(const struct view *view, struct ip_header *ip,
						__u32 *offset, __u8 *encapsulation)
{
	if (skip_extensions(view, ip) != PARSED)
		return CUT_SHORT;
	if (ip->is_later_fragment)
		return NOT_IP;
	*offset = ip->payload;
	switch (ip->protocol) {
	case IPPROTO_UDP:
		return enter_udp(view, offset, encapsulation);
	case IPPROTO_GRE:
		return enter_gre(view, offset, encapsulation);
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		*encapsulation = ip->has_srh ? ENCAPSULATION_SRV6 : ENCAPSULATION_IPIP;
		return PARSED;
	case NEXT_HEADER_ETHERNET:
		*encapsulation = ENCAPSULATION_SRV6;
		return enter_ethernet(view, offset);
	default:
		return NOT_IP;
	}
}

/* Whether the header at offset is colored; if not, read it. */
static __always_inline enum parsed is_dyed_at(const struct view *view, __u32 offset,
					      struct ip_header *ip, bool *dyed)
{
	enum parsed parsed = read_ip(view, offset, ip);

	*dyed = parsed == PARSED && is_color(ip->tos);
	return parsed;
}

/* Whether what follows an IP header may be another one. */
static __always_inline bool may_be_tunnel(const struct ip_header *ip)
{
	switch (ip->protocol) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_IPIP:
	case IPPROTO_UDP:
	case IPPROTO_IPV6:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_GRE:
	case IPPROTO_DSTOPTS:
	case NEXT_HEADER_ETHERNET:
		return true;
	default:
		return false;
	}
}

/* Whether it is UDP that carries no tunnel: most of what is encapsulated and may be one. */
static __always_inline bool is_plain_udp(const struct view *view, const struct ip_header *ip)
{
	const __u8 *udp;

	if (ip->protocol != IPPROTO_UDP)
		return false;
	udp = at(view, ip->payload, UDP_BYTES);
	return udp && !is_tunnel_port(read_u16(udp + 2));
}

/*
 * Whether the header at offset, or the one it carries, is colored; CUT_SHORT
 * if the view is too short to tell. This is all that an undyed packet pays
 * for. What may lie still deeper is left to the caller, as *deeper.
 */
static __always_inline enum parsed is_dyed(const struct view *view, __u32 offset, __u32 *deeper)
{
	__u8 encapsulation;
	struct ip_header ip;
	enum parsed parsed;
	bool dyed;

	*deeper = 0;
	parsed = is_dyed_at(view, offset, &ip, &dyed);
	if (parsed != PARSED || dyed)
		return parsed;
	if (!knobs.tunnels)
		return NOT_IP;
	parsed = enter_tunnel(view, &ip, &offset, &encapsulation);
	if (parsed != PARSED)
		return parsed;
	parsed = is_dyed_at(view, offset, &ip, &dyed);
	if (parsed != PARSED || dyed)
		return parsed;
	if (may_be_tunnel(&ip) && !is_plain_udp(view, &ip))
		*deeper = offset;
	return NOT_IP;
}

/* One IP header of a window, and where to find the next. */
struct layer {
	struct ip_header ip;
	__u32 length;		/* of the window */
	__u32 offset;		/* in: of this header; out: of the one it carries */
	__u8 encapsulation;
	bool is_tunnel;
};

/*
 * Read the layer at an offset of the window; false if there is none. Global,
 * so that the verifier looks at it once: headers in headers in headers, each
 * with extensions, options and tags, are more combinations than it can follow.
 */
__noinline int read_layer(struct layer *layer)
{
	struct scratch *scratch = get_scratch();
	struct ip_header ip = {};
	struct view view;
	__u8 encapsulation = ENCAPSULATION_NONE;
	__u32 offset;

	if (!layer || !scratch)
		return 0;
	view = view_of_window(scratch, layer->length);
	offset = layer->offset;
	if (read_ip(&view, offset, &ip) != PARSED)
		return 0;
	layer->is_tunnel = enter_tunnel(&view, &ip, &offset, &encapsulation) == PARSED;
	layer->ip = ip;
	layer->offset = offset;
	layer->encapsulation = encapsulation;
	return 1;
}

/* Find the innermost colored header in the window. */
static __always_inline void find_colored(__u32 length, struct colored *colored)
{
	struct layer layer = { .length = length };
	__u8 outermost = ENCAPSULATION_NONE;
	int i;

	for (i = 0; i < IP_HEADERS; i++) {
		if (!read_layer(&layer))
			return;
		if (is_color(layer.ip.tos)) {
			colored->is_found = true;
			colored->ip = layer.ip;
			colored->encapsulation = outermost;
		}
		if (!knobs.tunnels || !layer.is_tunnel)
			return;
		if (i == 0)
			outermost = layer.encapsulation;
	}
}

#endif /* DYE_TUNNEL_H */
