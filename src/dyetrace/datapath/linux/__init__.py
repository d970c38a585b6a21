"""The Linux kernel's own data path: discovery, eBPF programs, site evidence."""
