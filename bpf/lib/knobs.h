/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * knobs.h - what user space decides before a program is loaded
 *
 * Constant to the verifier, so code behind a knob that is off costs nothing.
 */
#ifndef DYE_KNOBS_H
#define DYE_KNOBS_H

const volatile struct dye_knobs knobs = {};

static __always_inline bool is_color(__u8 tos)
{
	return knobs.class_of[tos >> 2] != DYE_NO_CLASS;
}

#endif /* DYE_KNOBS_H */
