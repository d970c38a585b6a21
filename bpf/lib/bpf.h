/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bpf.h - what every program includes first, in the order they need
 */
#ifndef DYE_BPF_H
#define DYE_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "../dye.h"

#define TC_ACT_UNSPEC (-1)	/* carry on; tcx calls it TCX_NEXT */

#endif /* DYE_BPF_H */
