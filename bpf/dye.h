/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dye.h - the contract between the kernel side and user space
 *
 * Every struct and constant that both sides know stands here and nowhere else.
 * All are fixed width and padded by hand; `make layout` writes Python's view
 * of them from the objects' BTF.
 */
#ifndef DYE_H
#define DYE_H

#define DYE_HEAD_BYTES 256	/* outer IPv6 + SRH + inner IPv6 + TCP with options + 16 */
#define DYE_PAYLOAD_BYTES 16	/* what the digest needs of layer 4's payload, and no more */
#define DYE_POLICIES 64		/* per agent: a bitmap of them fits a word */
#define DYE_DSCP_VALUES 64
#define DYE_NO_CLASS 0xff	/* color maps: this DSCP has no color, or is none */
#define DYE_VXLAN_PORTS 4
#define DYE_IFINDEX_BUCKETS 4096	/* of policies_by_ifindex: ifindex modulo this */

enum dye_point {
	DYE_INGRESS = 1,
	DYE_EGRESS = 2,
	DYE_DROP = 3,
};

enum dye_sighting_flag {
	DYE_TRUNCATED = 1,	/* the packet ended before its headers did */
	DYE_RESTORED = 4,	/* the original DSCP was given back here */
};

/* One sighting, as the ring buffer carries it. */
struct dye_sighting {
	__u64 seen_ns;		/* CLOCK_MONOTONIC */
	__u64 policies;		/* which policies colored it here; 0 elsewhere */
	__u64 call_site;	/* DROP: the address that freed it */
	__u32 netns;		/* inode number of the device's network namespace */
	__u32 ifindex;
	__u32 length;		/* of the packet, from its outermost IP header on */
	__u32 drop_reason;	/* DROP: this kernel's number */
	__u32 queue_packets;	/* DROP: waiting in the device's root qdisc then */
	__u32 queue_bytes;
	__u16 gso_size;
	__u16 inner_offset;	/* in head, where the colored IP header begins */
	__u16 head_length;	/* bytes of head that are the packet's */
	__u8 point;		/* enum dye_point */
	__u8 dscp;		/* the class it had before it was colored */
	__u8 encapsulation;	/* as Python's Encapsulation: 0 none 1 vxlan 2 geneve 3 gre 4 ipip 5 srv6 */
	__u8 flags;		/* enum dye_sighting_flag */
	__u8 pad[6];
	__u8 head[DYE_HEAD_BYTES];	/* from the outermost IP header on */
};

enum dye_policy_flag {
	DYE_MATCH_SRC_PORT = 1,
	DYE_MATCH_DST_PORT = 2,
};

/* What to color; user space writes, the program reads. IPv4 as ::ffff:a.b.c.d. */
struct dye_policy {
	__u64 expires_ns;	/* CLOCK_MONOTONIC: end of trace time or of the lease; 0: free */
	__u64 packet_count;
	__u64 interval_ns;	/* token bucket: time between two packets */
	__u64 burst_ns;		/* how far ahead of that it may run */
	__u8 src[16];
	__u8 src_mask[16];
	__u8 dst[16];
	__u8 dst_mask[16];
	__u16 src_port;		/* host byte order */
	__u16 dst_port;
	__u8 family;		/* 4, 6, or 0 for both */
	__u8 protocol;		/* 0 for any */
	__u8 flags;		/* enum dye_policy_flag */
	__u8 pad;
};

/* What came of a policy; the program writes, user space reads. */
struct dye_policy_state {
	__u64 colored;		/* exact over all CPUs, never above packet_count */
	__u64 due_ns;		/* token bucket: when the next packet is due */
	__u64 matched;		/* packets of the filter while the policy was live */
	__u64 limited;		/* left alone for the rate limit */
	__u64 uncolorable;	/* left alone: their class has no color */
	__u64 already_colored;	/* left alone: the sender uses a color itself */
};

struct dye_port {
	__u32 netns;
	__u32 ifindex;
};

/* Why something could not be recorded, per CPU. */
enum dye_counter {
	DYE_RECORDED = 0,	/* sightings written to the ring */
	DYE_RING_FULL = 1,	/* sightings lost: the ring was full */
	DYE_UNREADABLE = 2,	/* colored packets whose headers could not be copied */
	DYE_NOT_RESTORED = 3,	/* packets whose original DSCP could not be given back */
	DYE_NOT_COLORED = 4,	/* packets that matched but could not be written to */
	DYE_COUNTERS = 5,
};

/* What a program's instance is told before it is loaded. */
struct dye_knobs {
	__u8 color_of[DYE_DSCP_VALUES];	/* by original class; DYE_NO_CLASS: it has no color */
	__u8 class_of[DYE_DSCP_VALUES];	/* by color; DYE_NO_CLASS: it is no color */
	__u16 vxlan_ports[DYE_VXLAN_PORTS];	/* host byte order; 0: unused */
	__u16 geneve_port;
	__u8 point;		/* enum dye_point, what log_hop reports */
	__u8 restore;		/* give the original DSCP back */
	__u8 link_layer_bytes;	/* before the IP header: 14, or 0 where there is none */
	__u8 tunnels;		/* look into encapsulated packets */
	__u8 drop_arguments;	/* how many the tracepoint kfree_skb has on this kernel */
	__u8 pad;
};

#endif /* DYE_H */
