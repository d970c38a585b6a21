"""Run a program as somebody without any right, but that to read this checkout, wherever it is."""

MAY_READ = "-all,+dac_read_search"

AS_NOBODY = (
    "setpriv",
    "--reuid=65534",
    "--clear-groups",
    f"--inh-caps={MAY_READ}",
    f"--ambient-caps={MAY_READ}",
)
