"""Traffic through a lab cloud, with the ground truth taken where it arrives.

All sockets belong to one process: each is opened by a thread that visits the
namespace (see namespaces.inside), so nothing has to be started, waited for or
killed, and whatever happens to the process ends its traffic too.
"""

from dyetrace.lab.traffic.bulk import BulkReport, bulk_tcp
from dyetrace.lab.traffic.exchange import Flowing, exchange, flowing
from dyetrace.lab.traffic.flow import Flow, Pace, PortInUse, Report

__all__ = [
    "BulkReport",
    "Flow",
    "Flowing",
    "Pace",
    "PortInUse",
    "Report",
    "bulk_tcp",
    "exchange",
    "flowing",
]
