/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * restored.h - remember packets whose original DSCP was given back
 *
 * That happens before the delivering port's own queue, which may still drop
 * the packet. So log_hop writes here what log_drop knows the packet by.
 */
#ifndef DYE_RESTORED_H
#define DYE_RESTORED_H

#include "parse.h"

#define RESTORED_PACKETS 4096
#define RESTORED_NS 2000000000ull	/* nothing waits longer in a queue */

struct identity {		/* of the outermost header */
	__u8 src[16];
	__u8 dst[16];
	__u8 layer4[8];
	__u32 netns;
	__u32 ifindex;
	__u16 id;
	__u8 version;
	__u8 pad[5];
};

struct restoration {
	__u64 restored_ns;
	__u8 inner_offset;	/* where the colored header was */
	__u8 encapsulation;
	__u8 dscp;
	__u8 pad[5];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RESTORED_PACKETS);
	__type(key, struct identity);
	__type(value, struct restoration);
} restored SEC(".maps");

/* When the last packet was restored: spares everybody else the look-up. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} last_restored_ns SEC(".maps");

static __always_inline bool identify(const struct view *view, struct identity *identity)
{
	struct ip_header ip = {};
	const __u8 *bytes;

	if (read_ip(view, 0, &ip) != PARSED)
		return false;
	identity->version = ip.version;
	if (ip.version == 4) {
		bytes = at(view, 0, IPV4_BYTES);
		if (!bytes)
			return false;
		identity->id = read_u16(bytes + 4);
		__builtin_memcpy(identity->src, bytes + 12, 4);
		__builtin_memcpy(identity->dst, bytes + 16, 4);
	} else {
		bytes = at(view, 0, IPV6_BYTES);
		if (!bytes)
			return false;
		__builtin_memcpy(identity->src, bytes + 8, 16);
		__builtin_memcpy(identity->dst, bytes + 24, 16);
	}
	bytes = at(view, ip.payload, 8);
	if (!bytes)
		return true;
	__builtin_memcpy(identity->layer4, bytes, 8);
	/* The checksum of UDP may be computed between the two sightings. */
	if (ip.protocol == IPPROTO_UDP)
		identity->layer4[6] = identity->layer4[7] = 0;
	return true;
}

#endif /* DYE_RESTORED_H */
