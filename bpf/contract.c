// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * contract.c - names every type of dye.h, so that its BTF holds them all
 */
#include <linux/types.h>

#include "dye.h"

struct dye_sighting sighting;
struct dye_policy policy;
struct dye_policy_state policy_state;
struct dye_port port;
struct dye_knobs knobs;

enum dye_point point;
enum dye_sighting_flag sighting_flag;
enum dye_policy_flag policy_flag;
enum dye_counter counter;
