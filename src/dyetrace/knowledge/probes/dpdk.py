"""Probes: DPDK ports and vhost-user, by their counters."""

from typing import Final

from dyetrace.knowledge.probe import Row

# A table: as few lines a row as fit.
# fmt: off
ROWS: Final[tuple[Row, ...]] = (
    ("DPDK_RX_MISSED_ERRORS", "rx_missed_errors", "RX_MISSED_ERRORS", "DPDK_RX_MISSED",
     "the polling thread was late"),
    ("DPDK_RX_MBUF_ALLOCATION_ERRORS", "rx_mbuf_allocation_errors", "RX_MBUF_ALLOCATION_ERRORS",
     "DPDK_BUFFERS_SHORT",
     "no buffer to receive into"),
    ("DPDK_RX_ERRORS", "rx_errors", "RX_ERRORS", "DPDK_RX_ERRORS",
     "the card received a damaged frame"),
    ("DPDK_RX_CRC_ERRORS", "rx_crc_errors", "RX_CRC_ERRORS", "DPDK_RX_ERRORS",
     "the frame's checksum is wrong"),
    ("DPDK_RX_LENGTH_ERRORS", "rx_length_errors", "RX_LENGTH_ERRORS", "DPDK_RX_ERRORS",
     "the frame's length is not its length field"),
    ("DPDK_RX_UNDERSIZED_ERRORS", "rx_undersized_errors", "RX_UNDERSIZED_ERRORS", "DPDK_RX_ERRORS",
     "the frame is too short"),
    ("DPDK_RX_OVERSIZE_ERRORS", "rx_oversize_errors", "RX_OVERSIZE_ERRORS", "DPDK_MTU_EXCEEDED",
     "the frame is longer than the port receives"),
    ("DPDK_RX_FRAGMENTED_ERRORS", "rx_fragmented_errors", "RX_FRAGMENTED_ERRORS", "DPDK_RX_ERRORS",
     "a piece of a frame"),
    ("DPDK_RX_JABBER_ERRORS", "rx_jabber_errors", "RX_JABBER_ERRORS", "DPDK_RX_ERRORS",
     "a frame that does not end"),
    ("DPDK_TX_ERRORS", "tx_errors", "TX_ERRORS", "DRIVER_TX_DROP",
     "the card could not send it"),
    ("DPDK_TX_DROPPED", "tx_dropped", "TX_DROPPED", "DRIVER_TX_DROP",
     "the card's transmit ring has no room"),
    ("DPDK_OVS_TX_FAILURE_DROPS", "ovs_tx_failure_drops", "OVS_TX_FAILURE_DROPS",
     "VHOST_RING_FULL",
     "the port's ring had no room after all retries"),
    ("DPDK_OVS_TX_MTU_EXCEEDED_DROPS", "ovs_tx_mtu_exceeded_drops", "OVS_TX_MTU_EXCEEDED_DROPS",
     "DPDK_MTU_EXCEEDED",
     "it is longer than the port's MTU"),
    ("DPDK_OVS_TX_QOS_DROPS", "ovs_tx_qos_drops", "OVS_TX_QOS_DROPS", "DPDK_RATE_LIMITED",
     "the port's egress shaper dropped it"),
    ("DPDK_OVS_RX_QOS_DROPS", "ovs_rx_qos_drops", "OVS_RX_QOS_DROPS", "DPDK_RATE_LIMITED",
     "the port's ingress policer dropped it"),
    ("DPDK_OVS_TX_INVALID_HWOL_DROPS", "ovs_tx_invalid_hwol_drops", "OVS_TX_INVALID_HWOL_DROPS",
     "DPDK_OFFLOAD_REFUSED",
     "it needs an offload that the port lacks"),
    ("DPDK_VHOST_TX_DROPPED", "vhost_tx_dropped", "VHOST_TX_DROPPED", "VHOST_RING_FULL",
     "the VM's ring has no descriptor free"),
    ("DPDK_VHOST_RX_ERRORS", "vhost_rx_errors", "VHOST_RX_ERRORS", "DEVICE_HEADER_INVALID",
     "the VM's descriptor or header is invalid"),
    ("DPDK_RX_QOS_DROPPED", "rx_qos_dropped", "RX_QOS_DROPPED", "DPDK_RATE_LIMITED",
     "the interface's policer dropped it"),
    ("DPDK_RX_OUT_OF_BUFFER", "rx_out_of_buffer", "RX_OUT_OF_BUFFER", "DPDK_RX_MISSED",
     "the receive queue had no buffer posted"),
    ("DPDK_RX_DISCARDS_PHY", "rx_discards_phy", "RX_DISCARDS_PHY", "DPDK_RX_MISSED",
     "the card's own memory was full"),
    ("DPDK_TX_DISCARDS_PHY", "tx_discards_phy", "TX_DISCARDS_PHY", "DRIVER_TX_DROP",
     "the card's way out was blocked by pause frames"),
)
# fmt: on
