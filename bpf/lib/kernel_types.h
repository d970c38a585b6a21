/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * kernel_types.h - the few kernel fields we read
 *
 * Offsets are relocated at load time (CO-RE), so only names and types must
 * agree with the running kernel, and no vmlinux.h is needed.
 */
#ifndef DYE_KERNEL_TYPES_H
#define DYE_KERNEL_TYPES_H

#include <linux/types.h>
#include <bpf/bpf_core_read.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct qdisc_skb_head {
	__u32 qlen;
};

struct gnet_stats_queue {
	__u32 backlog;
};

struct Qdisc {
	struct qdisc_skb_head q;
	struct gnet_stats_queue qstats;
};

struct netdev_queue {
	struct Qdisc *qdisc;
};

struct net_device {
	int ifindex;
	struct netdev_queue *_tx;
	struct Qdisc *qdisc;
	possible_net_t nd_net;
};

struct dst_entry {
	struct net_device *dev;
};

struct sock_common {
	possible_net_t skc_net;
};

struct sock {
	struct sock_common __sk_common;
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned long _skb_refdst;
	unsigned int len;
	int skb_iif;
	__u16 network_header;
	__u16 mac_header;
	unsigned int tail;
	unsigned int end;
	unsigned char *head;
	unsigned char *data;
};

struct skb_shared_info {
	unsigned short gso_size;
};

#pragma clang attribute pop

#define SKB_DST_NOREF 1UL	/* in _skb_refdst: the pointer is borrowed */
#define MAC_HEADER_UNSET 0xffff

/*
 * Fields like skb->dev share their place with others (a UDP socket keeps
 * notes there): only what may be a kernel address is worth following.
 */
static __always_inline bool may_be_kernel_address(const void *pointer)
{
	return (long)pointer < 0;
}

static __always_inline __u32 netns_of_device(struct net_device *dev)
{
	return BPF_CORE_READ(dev, nd_net.net, ns.inum);
}

#endif /* DYE_KERNEL_TYPES_H */
