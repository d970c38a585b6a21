/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * emit.h - write a sighting to the ring
 *
 * A sighting is composed per CPU and copied into the ring at once, because
 * how much of the packet may be shown is known only after parsing a copy of
 * it: headers, and DYE_PAYLOAD_BYTES of layer 4's payload at most.
 */
#ifndef DYE_EMIT_H
#define DYE_EMIT_H

#include "parse.h"
#include "stats.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);	/* user space decides */
} sightings SEC(".maps");

struct scratch {
	struct dye_sighting sighting;
	__u8 window[DYE_HEAD_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

static __always_inline struct scratch *get_scratch(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&scratch, &key);
}

static __always_inline struct view view_of_window(const struct scratch *scratch, __u32 length)
{
	return (struct view){ .start = scratch->window, .length = length, .is_window = true };
}

/*
 * Fill in what follows from the headers in the window: ip is the colored one,
 * its extension headers skipped.
 */
static __always_inline void describe(struct scratch *scratch, const struct view *view,
				     const struct ip_header *ip)
{
	struct dye_sighting *sighting = &scratch->sighting;
	__u32 header_bytes = 0, end;

	__builtin_memset(sighting, 0, sizeof(*sighting));
	if (ip->is_cut || layer4_bytes(view, ip, &header_bytes) != PARSED ||
	    ip->payload + header_bytes > view->length)
		sighting->flags |= DYE_TRUNCATED;
	end = ip->payload + header_bytes + DYE_PAYLOAD_BYTES;
	sighting->head_length = end < view->length ? end : view->length;
	sighting->inner_offset = ip->offset;
	sighting->seen_ns = bpf_ktime_get_ns();
}

static __always_inline void emit(struct scratch *scratch)
{
	struct dye_sighting *sighting = &scratch->sighting;
	__u32 length = sighting->head_length;

	if (length > DYE_HEAD_BYTES)	/* never; the verifier cannot know */
		length = DYE_HEAD_BYTES;
	bpf_probe_read_kernel(sighting->head, length, scratch->window);
	if (bpf_ringbuf_output(&sightings, sighting, sizeof(*sighting), 0))
		count(DYE_RING_FULL);
	else
		count(DYE_RECORDED);
}

#endif /* DYE_EMIT_H */
