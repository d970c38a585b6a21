"""A simulated cloud traced for real: controller, channel and agents as ever, packets computed.

What is planted in it is known, so all verdicts can be compared with the truth.
"""
