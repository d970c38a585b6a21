// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * log_drop.bpf.c - report colored packets that the kernel drops
 *
 * Hook:    tracepoint kfree_skb: every packet freed for another reason than
 *          having been used, in all namespaces.
 * Reads:   the packet's headers; the namespaces to watch; restored packets.
 * Writes:  one sighting per dropped colored packet, with the kernel's reason,
 *          the address of the dropping code and what waits in the queue.
 * Cost:    for an undyed packet one read of its IP header, no map.
 */
#include "lib/bpf.h"
#include "lib/emit.h"
#include "lib/kernel_types.h"
#include "lib/restored.h"
#include "lib/tunnel.h"

#define GLANCE_BYTES 48		/* to tell undyed ones quickly: IPv6 and UDP */
#define DROP_ARGUMENTS_WITH_REASON 3	/* since 5.17 */
#define DROP_ARGUMENTS_WITH_SOCKET 4	/* since 6.11 */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u32);
} watched_netns SEC(".maps");

struct drop {
	struct sk_buff *skb;
	struct sock *receiver;	/* the socket that would not take it, if any */
	__u64 call_site;
	__u32 reason;
	__u32 network_header;	/* from skb->head */
};

static __always_inline bool is_ip_version(__u8 first)
{
	return first >> 4 == 4 || first >> 4 == 6;
}

static __always_inline bool was_restored_lately(void)
{
	__u32 key = 0;
	__u64 *last_ns = bpf_map_lookup_elem(&last_restored_ns, &key);

	return last_ns && *last_ns && bpf_ktime_get_ns() - *last_ns < RESTORED_NS;
}

/*
 * Read the beginning of the IP header. Where the packet is shorter than that,
 * what follows it in memory is looked at and then found to be no header. A packet freed before its layers were
 * told apart has no network header yet: look behind its link layer then.
 */
static __always_inline bool glance(struct drop *drop, __u8 *first)
{
	struct sk_buff *skb = drop->skb;
	const __u8 *head = skb->head;
	__u16 mac_header, ether_type;

	drop->network_header = skb->network_header;
	if (bpf_probe_read_kernel(first, GLANCE_BYTES, head + drop->network_header))
		return false;
	if (is_ip_version(first[0]))
		return true;
	mac_header = skb->mac_header;
	if (mac_header == MAC_HEADER_UNSET ||
	    bpf_probe_read_kernel(&ether_type, sizeof(ether_type), head + mac_header + 12) ||
	    !is_ip(bpf_ntohs(ether_type)))
		return false;
	drop->network_header = mac_header + ETH_HLEN;
	return !bpf_probe_read_kernel(first, GLANCE_BYTES, head + drop->network_header) &&
	       is_ip_version(first[0]);
}

static __always_inline __u32 load_skb_window(struct drop *drop, struct scratch *scratch)
{
	struct sk_buff *skb = drop->skb;
	__u32 tail = BPF_CORE_READ(skb, tail);
	__u32 length = tail - drop->network_header;

	if (tail <= drop->network_header)
		return 0;
	if (length > DYE_HEAD_BYTES)
		length = DYE_HEAD_BYTES;
	if (bpf_probe_read_kernel(scratch->window, length,
				  BPF_CORE_READ(skb, head) + drop->network_header))
		return 0;
	return length;
}

/* The device of a packet, or the one it was about to leave by. */
static __always_inline struct net_device *device_of(struct drop *drop)
{
	struct sk_buff *skb = drop->skb;
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	struct dst_entry *dst;

	if (may_be_kernel_address(dev))
		return dev;
	dst = (void *)(BPF_CORE_READ(skb, _skb_refdst) & ~SKB_DST_NOREF);
	if (!may_be_kernel_address(dst))
		return NULL;
	dev = BPF_CORE_READ(dst, dev);
	return may_be_kernel_address(dev) ? dev : NULL;
}

static __always_inline bool is_watched(__u32 netns)
{
	return netns && bpf_map_lookup_elem(&watched_netns, &netns);
}

/* The watched namespace a packet died in, 0 if it is none; its device, if known. */
static __always_inline __u32 place_of(struct drop *drop, struct net_device **dev)
{
	struct sk_buff *skb = drop->skb;
	struct sock *sk;
	__u32 netns;

	*dev = device_of(drop);
	if (*dev) {
		netns = netns_of_device(*dev);
		if (is_watched(netns))
			return netns;
		*dev = NULL;
	}
	sk = BPF_CORE_READ(skb, sk);
	if (!sk)
		sk = drop->receiver;
	if (!sk)
		return 0;
	barrier_var(sk);	/* keep the test above: the verifier needs to see it */
	if (!may_be_kernel_address(sk))
		return 0;
	netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	return is_watched(netns) ? netns : 0;
}

/*
 * What waits at the device. Its root qdisc, or the first queue's where the
 * root only gathers several; qdiscs that count per CPU show nothing.
 */
static __always_inline void measure_queue(struct dye_sighting *sighting, struct net_device *dev)
{
	struct Qdisc *qdisc = BPF_CORE_READ(dev, qdisc);

	if (!BPF_CORE_READ(qdisc, q.qlen))
		qdisc = BPF_CORE_READ(dev, _tx, qdisc);
	sighting->queue_packets = BPF_CORE_READ(qdisc, q.qlen);
	sighting->queue_bytes = BPF_CORE_READ(qdisc, qstats.backlog);
}

static __always_inline bool find_restored(const struct view *view, __u32 netns,
					  struct net_device *dev, struct colored *colored,
					  __u8 *dscp)
{
	struct identity identity = { .netns = netns };
	struct restoration *restoration;

	if (!dev)
		return false;
	identity.ifindex = BPF_CORE_READ(dev, ifindex);
	if (!identify(view, &identity))
		return false;
	restoration = bpf_map_lookup_elem(&restored, &identity);
	if (!restoration || bpf_ktime_get_ns() - restoration->restored_ns > RESTORED_NS)
		return false;
	if (read_ip(view, restoration->inner_offset, &colored->ip) != PARSED)
		return false;
	colored->encapsulation = restoration->encapsulation;
	*dscp = restoration->dscp;
	return true;
}

static __always_inline void add_kernel_facts(struct dye_sighting *sighting, struct drop *drop,
					     struct net_device *dev)
{
	struct sk_buff *skb = drop->skb;
	unsigned char *head = BPF_CORE_READ(skb, head);
	struct skb_shared_info *shared = (void *)head + BPF_CORE_READ(skb, end);
	long header_depth = BPF_CORE_READ(skb, data) - (head + drop->network_header);

	sighting->length = BPF_CORE_READ(skb, len) + header_depth;
	sighting->gso_size = BPF_CORE_READ(shared, gso_size);
	sighting->call_site = drop->call_site;
	sighting->drop_reason = drop->reason;
	if (dev) {
		sighting->ifindex = BPF_CORE_READ(dev, ifindex);
		measure_queue(sighting, dev);
	} else {
		sighting->ifindex = BPF_CORE_READ(skb, skb_iif);
	}
}

static __noinline int log_packet(struct drop *drop)
{
	struct scratch *scratch = get_scratch();
	struct colored colored = {};
	struct net_device *dev;
	struct view view;
	__u32 length, netns;
	__u8 dscp = 0, flags = 0;

	if (!scratch || !drop)
		return 0;
	length = load_skb_window(drop, scratch);
	if (!length)
		return 0;
	view = view_of_window(scratch, length);
	find_colored(length, &colored);
	if (!colored.is_found && !was_restored_lately())
		return 0;
	netns = place_of(drop, &dev);
	if (!netns)
		return 0;
	if (colored.is_found) {
		dscp = knobs.class_of[colored.ip.tos >> 2];
	} else {
		if (!find_restored(&view, netns, dev, &colored, &dscp))
			return 0;
		flags = DYE_RESTORED;
	}
	describe(scratch, &view, &colored.ip);
	add_kernel_facts(&scratch->sighting, drop, dev);
	scratch->sighting.netns = netns;
	scratch->sighting.point = DYE_DROP;
	scratch->sighting.dscp = dscp;
	scratch->sighting.encapsulation = colored.encapsulation;
	scratch->sighting.flags |= flags;
	emit(scratch);
	return 0;
}

/* Whether a packet that begins like this may be, or carry, a colored one. */
static __always_inline bool may_be_dyed(const __u8 *first)
{
	struct view view = { .start = first, .length = GLANCE_BYTES, .is_window = true };
	struct ip_header ip = {};
	const __u8 *ports;

	if (read_ip(&view, 0, &ip) != PARSED)
		return false;
	if (is_color(ip.tos))
		return true;
	if (!knobs.tunnels || !may_be_tunnel(&ip))
		return false;
	if (ip.protocol != IPPROTO_UDP)
		return true;
	ports = at(&view, ip.payload, 4);
	return !ports || is_tunnel_port(read_u16(ports + 2));
}

SEC("tp_btf/kfree_skb")
int dye_log_drop(__u64 *ctx)
{
	struct drop drop = { .skb = (struct sk_buff *)ctx[0], .call_site = ctx[1] };
	__u8 first[GLANCE_BYTES];

	if (!glance(&drop, first))
		return 0;
	if (!may_be_dyed(first) && !was_restored_lately())
		return 0;
	if (knobs.drop_arguments >= DROP_ARGUMENTS_WITH_REASON)
		drop.reason = ctx[2];
	if (knobs.drop_arguments >= DROP_ARGUMENTS_WITH_SOCKET)
		drop.receiver = (struct sock *)ctx[3];
	log_packet(&drop);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
